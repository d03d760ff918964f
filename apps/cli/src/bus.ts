import { AllInOneSettings, runningEmbeddedDatabase, startAllInOne } from '@qa-pms/all-in-one';
import { Configuration, createRuntime, MessageBus, processEnvironment } from '@qa-pms/platform';
import { resolve } from 'node:path';

/**
 * Gives a way to identity: over Kafka to the services that run, else to one that is started here on the same database,
 * whose events are left in its outbox for the process that has all their consumers.
 */
export async function withBus(file: string | null, work: (bus: MessageBus) => Promise<void>): Promise<void> {
  const environment = { ...processEnvironment(), LOG_LEVEL: 'error' };
  const configuration = await Configuration.load({ environment, file });
  if (configuration.has('kafka.brokers')) {
    const { wire, redis, settings } = createRuntime(configuration, 'cli');
    try {
      await work(new MessageBus(wire, 'cli', settings));
    } finally {
      await wire.close();
      redis?.close();
    }
    return;
  }
  const running = configuration.has('database.url')
    ? null
    : runningEmbeddedDatabase(resolve(configuration.peek(AllInOneSettings).dataDir));
  const own = {
    ...environment,
    ...(running !== null && { DATABASE_URL: running }),
    DEMO: 'false',
    TARGET: 'identity',
    PORT: '0',
  };
  const one = await startAllInOne(await Configuration.load({ environment: own, file }), () => undefined, {
    leaveEvents: true,
  });
  try {
    const [identity] = one.running.services;
    if (identity) await work(identity.app.get(MessageBus));
  } finally {
    await one.stop('done');
  }
}

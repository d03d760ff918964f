import { startAllInOne } from '@qa-pms/all-in-one';
import { Configuration, createRuntime, MessageBus, processEnvironment } from '@qa-pms/platform';

/**
 * Gives a way to identity: over Kafka to the services that run, else to one that is started here on the same database
 * (the embedded one must not be in use by another process).
 */
export async function withBus(file: string | null, work: (bus: MessageBus) => Promise<void>): Promise<void> {
  const environment = { ...processEnvironment(), LOG_LEVEL: 'error' };
  const configuration = await Configuration.load({ environment, file });
  if (configuration.has('kafka.brokers')) {
    const { wire, settings } = createRuntime(configuration, 'cli');
    try {
      await work(new MessageBus(wire, 'cli', { timeoutMs: settings.requestTimeoutMs, maxInFlight: 100 }));
    } finally {
      await wire.close();
    }
    return;
  }
  const own = { ...environment, DEMO: 'false', TARGET: 'identity', PORT: '0' };
  const { running, stop } = await startAllInOne(await Configuration.load({ environment: own, file }), () => undefined);
  try {
    const [identity] = running.services;
    if (identity) await work(identity.app.get(MessageBus));
  } finally {
    await stop('done');
  }
}

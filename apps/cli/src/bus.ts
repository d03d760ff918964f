import { startAllInOne } from '@qa-pms/all-in-one';
import { createRuntime, type Environment, MessageBus, processEnvironment } from '@qa-pms/platform';

/**
 * Gives a way to identity: over Kafka to the services that run, else to one that is started here on the same database
 * (the embedded one must not be in use by another process).
 */
export async function withBus(work: (bus: MessageBus) => Promise<void>): Promise<void> {
  const environment: Environment = { ...processEnvironment(), LOG_LEVEL: 'error' };
  if (environment['KAFKA_BROKERS']) {
    const { wire, settings } = createRuntime(environment, 'cli');
    try {
      await work(new MessageBus(wire, { timeoutMs: settings.requestTimeoutMs, maxInFlight: 100 }));
    } finally {
      await wire.close();
    }
    return;
  }
  const { running, stop } = await startAllInOne(
    { ...environment, DEMO: 'false', TARGET: 'identity', PORT: '0' },
    () => undefined,
  );
  try {
    const [identity] = running.services;
    if (identity) await work(identity.app.get(MessageBus));
  } finally {
    await stop('done');
  }
}

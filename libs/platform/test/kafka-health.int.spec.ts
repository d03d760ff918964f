import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { query, TextField } from '@qa-pms/contracts';
import {
  Configuration,
  createRuntime,
  type HealthReport,
  MessageBus,
  type Runtime,
  SYSTEM,
  topicDefinitions,
} from '@qa-pms/platform';
import { createTopics } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';

const SESSION_MS = 2_000;
const LIMIT_MS = 20_000;

class Said {
  @TextField({ description: 'What was said.', max: 10 })
  said!: string;
}
/** Nobody answers it. */
class Ask extends query({ service: 'workflow', name: 'ask', reply: Said, permission: 'tickets:read' }) {
  @TextField({ description: 'What to say.', max: 10 })
  say!: string;
}

describeWithKafka('the health of a process over Kafka', (kafka) => {
  let runtime: Runtime;
  let consumer: () => string | null;
  /** Milliseconds that each answer took. */
  const took: number[] = [];

  beforeAll(async () => {
    const prefix = `health${randomBytes(4).toString('hex')}.`;
    const topics = { topicPrefix: prefix, replication: 1, minInSync: 1 };
    await createTopics(kafka().brokers, topicDefinitions(topics, ['workflow'], []));
    const settings = {
      KAFKA_BROKERS: kafka().brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
      ENCRYPTION_KEY: '00'.repeat(32),
      LOG_LEVEL: 'silent',
    };
    runtime = createRuntime(Configuration.fromEnvironment(settings), 'workflow');
    const serving = await runtime.wire.serve({
      service: 'workflow',
      requestTopics: ['queries', 'commands'],
      eventSources: [],
      request: () => Promise.resolve(null),
      event: () => Promise.resolve(),
    });
    consumer = () => serving.notReady();
  }, 60_000);

  afterAll(() => runtime.wire.close(), 60_000);

  /** The first report that is so. */
  async function until(wanted: HealthReport['status']): Promise<HealthReport> {
    for (const limit = Date.now() + LIMIT_MS; ;) {
      const from = performance.now();
      const report = await runtime.health.report();
      took.push(performance.now() - from);
      if (report.status === wanted) return report;
      if (Date.now() > limit) throw new Error(`It is ${JSON.stringify(report)} still.`);
      await sleep(100);
    }
  }

  /** What health says of the broker, and what the consumer does, which may have heard of it a little later. */
  async function bothBad(): Promise<[HealthReport, string | null]> {
    const report = await until('unhealthy');
    for (const limit = Date.now() + LIMIT_MS; consumer() === null && Date.now() < limit;) await sleep(20);
    return [report, consumer()];
  }

  it('is bad while the broker hangs, and good again after', async () => {
    await until('healthy');

    await kafka().pause();
    const [hanging, consuming] = await bothBad().finally(() => kafka().resume());
    const after = await until('healthy');

    expect(hanging.checks['kafka']).toMatchObject({
      status: 'unhealthy',
      message: expect.stringContaining('not heard'),
    });
    expect(consuming).toContain('not heard');
    expect(after.checks['kafka']).toMatchObject({ status: 'healthy' });
  }, 60_000);

  it('tells a service that is late from a broker that hangs, at the deadline of a request', async () => {
    const bus = new MessageBus(runtime.wire, 'workflow', {
      requestTimeoutMs: SESSION_MS + 1_000,
      requestMaxInFlight: 9,
    });
    const ask = () => bus.request(Ask, { say: 'hello' }, { caller: SYSTEM }).catch((error: unknown) => error);
    await until('healthy');

    const late = await ask();
    await kafka().pause();
    const hanging = await ask().finally(() => kafka().resume());
    await until('healthy');

    expect(late).toMatchObject({ code: 'UPSTREAM_TIMEOUT', details: { upstream: 'workflow' } });
    expect(hanging).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', details: { upstream: 'workflow' } });
  }, 60_000);

  it('stays good while the broker is slow', async () => {
    await until('healthy');
    const seen = new Set<string>();
    let isSlow = true;
    const watch = async (): Promise<void> => {
      while (isSlow) {
        seen.add((await runtime.health.report()).status);
        await sleep(50);
      }
    };
    const watching = watch();

    // Less than half of the time it works, and never within half a second.
    for (let turn = 0; turn < 5; turn += 1) {
      await kafka().pause();
      await sleep(500);
      await kafka().resume();
      await sleep(400);
    }
    isSlow = false;
    await watching;

    expect([...seen]).toEqual(['healthy']);
  }, 60_000);

  it('is bad while the broker is gone, and good again after', async () => {
    await until('healthy');

    await kafka().kill();
    const gone = await until('unhealthy');
    await kafka().restart();
    await until('healthy');

    took.sort((one, other) => one - other);
    process.stderr.write(`health beside a broker in trouble: max ${String(Math.round(took.at(-1) ?? NaN))} ms\n`);
    expect(gone.checks['kafka']).toMatchObject({ status: 'unhealthy' });
  }, 90_000);
});

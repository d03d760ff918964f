import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { topicDefinitions } from '@qa-pms/platform';
import { createTopics, startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';
import { Client } from 'pg';
import { ToyProcess } from './toy-process.js';

/** A service that was killed and starts again, on the same database and the same brokers. */
class Toy {
  private process!: ToyProcess;

  private constructor(
    private readonly database: TestDatabase,
    private readonly client: Client,
    private readonly settings: Record<string, string>,
  ) {}

  static async start(brokers: string): Promise<Toy> {
    const prefix = brokers === '' ? '' : `t${randomUUID().slice(0, 8)}.`;
    if (brokers !== '') {
      const settings = { topicPrefix: prefix, replication: 1, minInSync: 1 };
      await createTopics(
        brokers,
        topicDefinitions(settings, ['tracking'], [{ consumer: 'tracking', sources: ['tracking'] }]),
      );
    }
    const database = await startTestDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const toy = new Toy(database, client, {
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_SESSION_TIMEOUT_MS: '2000',
      INSTANCE_ID: 'toy',
      DATABASE_POOL_MAX: '6',
      // A command that is delivered again later than that is not handled: nobody waits for it.
      REQUEST_TIMEOUT_MS: '60000',
    });
    await toy.startAgain();
    return toy;
  }

  async startAgain(): Promise<void> {
    this.process = await ToyProcess.start('redelivery-toy.ts', this.database.url, this.settings);
  }

  async kill(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.ended;
  }

  async stop(): Promise<void> {
    this.process.signal('SIGTERM');
    await this.process.ended;
    await this.client.end();
    await this.database.stop();
  }

  /** What a route says; null where the process ended before it answered. */
  async get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.process.url}/${path}`).catch(() => null);
    return answer?.json();
  }

  /** Values of a list that a handler was called with, or which it has applied, in their order. */
  async values(table: 'attempts' | 'effects', list: string): Promise<number[]> {
    const sql = `SELECT value FROM toy.${table} WHERE list = $1 ORDER BY sequence`;
    const { rows } = await this.client.query<{ value: number }>(sql, [list]);
    return rows.map(({ value }) => value);
  }

  async until(table: 'attempts' | 'effects', list: string, value: number): Promise<void> {
    while (!(await this.values(table, list)).includes(value)) await sleep(20);
  }
}

describe('redelivery in process', () => {
  contract(() => '');
});

describeWithKafka('redelivery over Kafka', (kafka) => {
  const { toy, list } = contract(() => kafka().brokers);

  it('handles a command that was cut off although nobody repeats it', async () => {
    void toy().get(`command/${list()}/1/before`);
    await toy().until('attempts', list(), 1);
    await toy().kill();

    await toy().startAgain();
    await toy().until('effects', list(), 1);

    expect(await toy().values('attempts', list())).toEqual([1, 1]);
    expect(await toy().values('effects', list())).toEqual([1]);
  }, 30_000);
});

/** What both wires must do alike. */
function contract(brokers: () => string): { toy: () => Toy; list: () => string } {
  let toy: Toy;
  let list = '';

  beforeAll(async () => {
    toy = await Toy.start(brokers());
  }, 60_000);

  afterAll(() => toy.stop(), 30_000);

  beforeEach(() => {
    list = randomUUID();
  });

  /** Where a handler is cut off, and what is known of it by then. */
  const CUTS = [
    ['before it has committed', 'before', 'attempts'],
    ['after it has committed', 'after', 'effects'],
  ] as const;

  it.each(CUTS)(
    'delivers an event again whose handling was cut off %s, in its order, and applies it once',
    async (_when, hangs, known) => {
      await toy.get(`events/${list}/${hangs}`);
      await toy.until(known, list, 2);
      const before = await toy.values('attempts', list);
      await toy.kill();

      await toy.startAgain();
      await toy.until('effects', list, 3);

      expect(before).toEqual([1, 2]);
      const after = (await toy.values('attempts', list)).slice(before.length);
      // How far it was may not be written down yet when it ends: the first may come again as well. Neither may what the
      // outbox has sent: all may come once more behind these.
      const anew = after[0] === 1 ? after.slice(1) : after;
      expect(anew.slice(0, 2)).toEqual([2, 3]);
      expect(await toy.values('effects', list)).toEqual([1, 2, 3]);
    },
    30_000,
  );

  it.each(CUTS)(
    'applies a command once whose handling was cut off %s, when it is repeated, and what came behind it then',
    async (_when, hangs, known) => {
      const [first, second] = [`command/${list}/1/${hangs}`, `command/${list}/2/nowhere`];
      void toy.get(first);
      await toy.until(known, list, 1);
      void toy.get(second);
      await sleep(200);
      const before = await toy.values('attempts', list);
      await toy.kill();

      await toy.startAgain();
      const replies = [await toy.get(first), await toy.get(second)];

      expect(before).toEqual([1]);
      expect(replies).toEqual([{ done: `1 at attempt ${hangs === 'after' ? '1' : '2'}` }, { done: '2 at attempt 1' }]);
      expect(await toy.values('effects', list)).toEqual([1, 2]);
    },
    30_000,
  );

  return { toy: () => toy, list: () => list };
}

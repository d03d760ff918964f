import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@qa-pms/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { borrowed, createDataSource, DatabaseSettings, OutboxRelay, poolOf, runMigrations } from '@qa-pms/database';
import { createRootLogger, type EventEnvelope, logFor, type Wire } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { DataSource } from 'typeorm';

/** Longer than a claim holds, and than the pause between two renewals. */
const STALL_MS = 1_500;

/** What rows are written by: the data source, or a transaction, whose rows the relay finds all at once. */
type Asked = Pick<DataSource, 'query'>;

describe('the relay, when it cannot go on as fast as events come', () => {
  let server: TestDatabase;
  let dataSource: DataSource;
  let relay: OutboxRelay;
  /** What was published, and how to end each delivery. */
  let published: { body: string; arrive: () => void }[];

  const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');

  beforeAll(async () => {
    server = await startTestDatabase();
    const settings = Object.assign(new DatabaseSettings(), { url: server.url, poolMin: 0, poolMax: 1 });
    dataSource = createDataSource({ schema: 'relayed', entities: [], migrations: [] }, settings, log);
    await dataSource.initialize();
    await runMigrations(dataSource, 'relayed');
  });

  afterAll(async () => {
    await dataSource.destroy();
    await server.stop();
  });

  beforeEach(async () => {
    published = [];
    const publish = (events: EventEnvelope[]): Promise<void>[] =>
      events.map(({ body }) => new Promise((arrive) => published.push({ body, arrive })));
    const wire = { publishesInOrder: true, publish } as unknown as Wire;
    relay = new OutboxRelay(dataSource, 'relayed', 'workflow', wire, log);
    await put(['one', 'two']);
    relay.start();
    await until(() => published.length === 2);
  });

  afterEach(async () => {
    for (const { arrive } of published) arrive();
    await relay.stop();
  });

  /** Lets so many arrive, each of which makes room for others, until nothing is left. */
  async function arriveAll(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      await until(() => published.length > index);
      published[index]?.arrive();
    }
    await until(async () => (await waiting()) === 0);
  }

  it('publishes nothing again that is on its way', async () => {
    const stall = borrowed(dataSource, () => sleep(STALL_MS));
    // So the next claim waits for the connection before any renewal does.
    relay.wake();
    await stall;
    await sleep(200);

    expect(published.map(({ body }) => body)).toEqual(['one', 'two']);
  });

  it('publishes nothing again that has arrived and could not be deleted yet', async () => {
    const stall = borrowed(dataSource, () => sleep(STALL_MS));
    // The claim that waits for the connection by now knows of none that has arrived.
    relay.wake();
    published[0]?.arrive();
    await sleep(50);
    published[1]?.arrive();
    await stall;
    await until(async () => (await waiting()) === 0);

    expect(published.map(({ body }) => body)).toEqual(['one', 'two']);
  });

  it('waits for one connection to claim with, and for one to renew all its claims with', async () => {
    const stall = borrowed(dataSource, () => sleep(STALL_MS));
    await sleep(STALL_MS - 100);

    expect(poolOf(dataSource).waitingCount).toBe(2);
    await stall;
  });

  it('takes no more than so many on their way, and goes on as soon as some have arrived', async () => {
    const all = Array.from({ length: 3_000 }, (_, index) => String(index));
    await put(all);
    relay.wake();
    // Two and three batches: with one more it could be above 2,000.
    await until(() => published.length === 1_502);
    await sleep(200);
    const most = published.length;

    await arriveAll(all.length + 2);

    expect(most).toBe(1_502);
    expect(published.map(({ body }) => body)).toEqual(['one', 'two', ...all]);
  });

  it('takes no more bytes than so many on their way', async () => {
    const all = Array.from({ length: 30 }, (_, index) => String(index).padEnd(3 * 1024 * 1024));
    await put(all, 'large');
    relay.wake();
    // Six of 3 MiB are the first to reach the 16 MiB of a claim; above 48 MiB on their way there is none.
    await until(() => published.length === 20);
    await sleep(200);
    const most = published.length;

    await arriveAll(all.length + 2);

    expect(most).toBe(20);
    expect(published.map(({ body }) => body.trim())).toEqual(['one', 'two', ...all.map((body) => body.trim())]);
  });

  it('holds back what is younger than a row that somebody else has, and nothing of other keys', async () => {
    await dataSource.transaction(async (manager) => {
      await put(['first', 'second'], 'shared', manager);
      await lease('first', 'gen_random_uuid()', 3_600_000, manager);
    });
    await put(['other']);
    relay.wake();
    await until(() => published.length === 3);
    await sleep(200);
    const early = published.map(({ body }) => body);

    await lease('first', 'lease_owner', 0);
    await until(() => published.length === 5);

    expect(early).toEqual(['one', 'two', 'other']);
    expect(published.map(({ body }) => body)).toEqual(['one', 'two', 'other', 'first', 'second']);
  });

  it('holds back what is younger than a row that it has claimed and never heard of', async () => {
    await dataSource.transaction(async (manager) => {
      await put(['lost', 'next'], 'shared', manager);
      await lease('lost', `(SELECT lease_owner FROM relayed.outbox_messages WHERE body = 'one')`, 700, manager);
    });
    relay.wake();

    await until(() => published.length === 4);

    expect(published.map(({ body }) => body)).toEqual(['one', 'two', 'lost', 'next']);
  });

  it('keeps the order of each key where two do the same', async () => {
    // Else it claims what is there after half a second, and none of that arrives.
    for (const { arrive } of published) arrive();
    await relay.stop();
    const arrived: EventEnvelope[] = [];
    const publish = (events: EventEnvelope[]): Promise<void>[] => {
      const taken = sleep(Math.random() * 20).then(() => void arrived.push(...events));
      return events.map(() => taken);
    };
    const wire = { publishesInOrder: false, publish } as unknown as Wire;
    const both = [1, 2].map(() => new OutboxRelay(dataSource, 'relayed', 'workflow', wire, log));
    for (const one of both) one.start();

    for (let round = 0; round < 30; round += 1) {
      await Promise.all(['a', 'b', 'c'].map((key) => put([`${key}${String(round)}`], key)));
      for (const one of both) one.wake();
    }
    await until(async () => arrived.length >= 90 && (await waiting()) === 0);
    for (const one of both) await one.stop();

    for (const key of ['a', 'b', 'c']) {
      const bodies = arrived.filter((event) => event.key === key).map(({ body }) => body);
      expect(bodies).toEqual(Array.from({ length: 30 }, (_, round) => `${key}${String(round)}`));
    }
  });

  it('goes on, in order, while what has arrived cannot be deleted', async () => {
    await dataSource.query(`
      CREATE FUNCTION relayed.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON relayed.outbox_messages FOR EACH ROW EXECUTE FUNCTION relayed.refuse()`);
    for (const { arrive } of published) arrive();
    await put(['three', 'four'], 'shared');
    relay.wake();
    await until(() => published.length === 4);
    await dataSource.query('DROP FUNCTION relayed.refuse CASCADE');

    for (const { arrive } of published) arrive();
    await until(async () => (await waiting()) === 0);

    expect(published.map(({ body }) => body)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('passes over keys whose events are too large for the wire, however many they are', async () => {
    const publish = (events: EventEnvelope[]): Promise<void>[] =>
      events.map(({ key, body }) =>
        key === 'stuck'
          ? Promise.reject(new AppError('CONTENT_TOO_LARGE'))
          : new Promise((arrive) => published.push({ body, arrive })),
      );
    const other = new OutboxRelay(
      dataSource,
      'relayed',
      'workflow',
      { publishesInOrder: false, publish } as unknown as Wire,
      log,
    );
    for (const { arrive } of published) arrive();
    await relay.stop();
    await put(
      Array.from({ length: 600 }, (_, index) => String(index)),
      'stuck',
    );
    await put(['free']);
    other.start();

    await until(() => published.length === 3);
    published[2]?.arrive();
    await other.stop();
    const left = await waiting();
    await dataSource.query('TRUNCATE relayed.outbox_messages');

    expect(published.map(({ body }) => body)).toEqual(['one', 'two', 'free']);
    expect(left).toBe(600);
  });

  it('does not turn in a circle while nobody takes its events, and stops at once', async () => {
    let refusals = 0;
    const publish = (events: EventEnvelope[]): Promise<void>[] =>
      events.map(() => Promise.reject(new Error(`nobody is there (${String((refusals += 1))})`)));
    const refused = new OutboxRelay(
      dataSource,
      'relayed',
      'workflow',
      { publishesInOrder: true, publish } as unknown as Wire,
      log,
    );
    await put(Array.from({ length: 1_500 }, (_, index) => String(index)));
    refused.start();
    await sleep(400);
    const early = refusals;
    await refused.stop();

    expect(early).toBeLessThanOrEqual(1_500);
    expect(refusals).toBeLessThanOrEqual(3_000);
    await dataSource.query("DELETE FROM relayed.outbox_messages WHERE body NOT IN ('one', 'two')");
  });

  function lease(body: string, owner: string, forMs: number, on: Asked = dataSource): Promise<unknown> {
    return on.query(
      `UPDATE relayed.outbox_messages SET lease_owner = ${owner}, leased_until = now() + $2 * interval '1 ms' WHERE body = $1`,
      [body, forMs],
    );
  }

  /** Each under a key of its own, or all under one. */
  function put(bodies: string[], key: string | null = null, on: Asked = dataSource): Promise<unknown> {
    return on.query(
      `INSERT INTO relayed.outbox_messages (id, topic, key, headers, body)
       SELECT gen_random_uuid(), 'qa.workflow.events', coalesce($2, 'key ' || body), '{}', body
       FROM unnest($1::text[]) WITH ORDINALITY AS given (body, place) ORDER BY place`,
      [bodies, key],
    );
  }

  async function waiting(): Promise<number> {
    const [row] = await dataSource.query<{ count: number }[]>(
      'SELECT count(*)::int AS count FROM relayed.outbox_messages',
    );
    return row?.count ?? 0;
  }
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

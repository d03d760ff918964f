import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { borrowed, createDataSource, DatabaseSettings, OutboxRelay, poolOf, runMigrations } from '@qa-pms/database';
import { createRootLogger, type EventEnvelope, logFor, type Wire } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { DataSource } from 'typeorm';

/** Longer than a claim holds, and than the pause between two renewals. */
const STALL_MS = 1_500;

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
    published[0]?.arrive();
    // The deletion of the first waits for the connection by now: the second is left to the next one.
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

    // Each that arrives makes room for others.
    for (let index = 0; index < all.length + 2; index += 1) {
      await until(() => published.length > index);
      published[index]?.arrive();
    }
    await until(async () => (await waiting()) === 0);

    expect(most).toBe(1_502);
    expect(published.map(({ body }) => body)).toEqual(['one', 'two', ...all]);
  });

  function put(bodies: string[]): Promise<unknown> {
    return dataSource.query(
      `INSERT INTO relayed.outbox_messages (id, topic, key, headers, body)
       SELECT gen_random_uuid(), 'qa.workflow.events', 'key ' || body, '{}', body
       FROM unnest($1::text[]) WITH ORDINALITY AS given (body, place) ORDER BY place`,
      [bodies],
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

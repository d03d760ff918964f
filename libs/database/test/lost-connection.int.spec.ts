import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { borrowed, createDataSource, Database, DatabaseSettings, lookup, poolOf, statement } from '@qa-pms/database';
import { infrastructureFault, logFor, runAsSystem } from '@qa-pms/platform';
import { startService, startTcpProxy, startTestDatabase, type TcpProxy, type TestDatabase } from '@qa-pms/testing';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { toyService } from './toy-service.js';

describe('a connection that is lost', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await startTestDatabase();
    const settings = Object.assign(new DatabaseSettings(), { url: database.url, poolMin: 0, poolMax: 1 });
    const log = logFor(pino({ level: 'silent' }), 'test');
    dataSource = createDataSource({ schema: 'none', entities: [], migrations: [] }, settings, log);
    await dataSource.initialize();
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.stop();
  });

  it('fails the work as a fault of the infrastructure, ends nothing else, and is replaced', async () => {
    const lost = borrowed(dataSource, (client) => client.query('SELECT pg_terminate_backend(pg_backend_pid())'));
    const fault = await lost.catch(infrastructureFault);

    const next = await borrowed(dataSource, (client) => client.query<{ one: number }>('SELECT 1 AS one'));

    expect(fault).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', details: { upstream: 'database' } });
    expect(next.rows).toEqual([{ one: 1 }]);
  });

  it('is kept after a refusal of the server', async () => {
    const pid = 'SELECT pg_backend_pid() AS pid';
    const [before] = await dataSource.query<{ pid: number }[]>(pid);

    const refused = borrowed(dataSource, (client) => client.query('SELECT 1 / 0'));
    await expect(refused).rejects.toMatchObject({ code: '22012' });

    const [after] = await dataSource.query<{ pid: number }[]>(pid);
    expect(after).toEqual(before);
  });
});

describe('a connection to a server that has vanished', () => {
  const log = logFor(pino({ level: 'silent' }), 'test');
  const ONE = statement('one', 'SELECT 1 AS one');
  const ROW = lookup('row', 'SELECT 1 AS one');
  let database: TestDatabase;
  let network: TcpProxy;
  let dataSource: DataSource;
  let db: Database;

  beforeAll(async () => {
    database = await startTestDatabase();
    const url = new URL(database.url);
    network = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(network.port);
    const settings = Object.assign(new DatabaseSettings(), { url: url.href, poolMin: 0, poolMax: 1 });
    const options = { schema: 'vanished', entities: [], migrations: [] };
    dataSource = createDataSource(options, settings, log, { queryTimeoutMs: 300 });
    await dataSource.initialize();
    db = new Database(dataSource, 'workflow', 'vanished', '', () => undefined);
  });

  afterAll(async () => {
    network.pass();
    await dataSource.destroy();
    await network.stop();
    await database.stop();
  });

  it('is given up by a service after the time of its settings', async () => {
    const service = await startService(toyService, {
      databaseUrl: database.url,
      settings: { DATABASE_QUERY_TIMEOUT_MS: '1000' },
    });
    const long = (): Promise<unknown> => service.get(Database).transaction((tx) => tx.query('SELECT pg_sleep(60)'));

    const fault = await runAsSystem({}, long).catch(infrastructureFault);
    await service.stop();

    expect(fault).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', details: { upstream: 'database' } });
  });

  it('leaves no statement behind in the server', async () => {
    network.pass();
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60%' AND state = 'active' AND pid <> pg_backend_pid()`;

    const fault = await runAsSystem({}, () => db.transaction((tx) => tx.query('SELECT pg_sleep(60)'))).catch(
      infrastructureFault,
    );

    expect(fault).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    await sleep(100);
    while ((await dataSource.query<object[]>(sleeping)).length > 0) await sleep(10);
  });

  it.each([
    ['a read', () => db.read(ONE)],
    ['a lookup', () => db.read(ROW)],
    ['a transaction', () => db.transaction((tx) => tx.query('SELECT 1'))],
    ["TypeORM's statement", () => dataSource.query('SELECT 1')],
  ] as [string, () => Promise<unknown>][])('fails %s in time, and is replaced', async (_what, work) => {
    await runAsSystem({}, () => db.read(ONE));
    network.stall();

    const fault = await runAsSystem({}, work).catch(infrastructureFault);
    network.pass();
    // TypeORM gives a connection back before its end is heard of.
    while (poolOf(dataSource).totalCount > 0) await sleep(10);

    expect(fault).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', details: { upstream: 'database' } });
    expect(await runAsSystem({}, () => db.read(ONE))).toEqual([{ one: 1 }]);
  });
});

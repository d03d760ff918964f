import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { borrowed, createDataSource, DatabaseSettings } from '@qa-pms/database';
import { infrastructureFault, logFor } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';

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

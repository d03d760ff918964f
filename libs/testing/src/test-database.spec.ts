import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestDatabase, type TestDatabase } from './test-database.js';

describe('a test database', () => {
  const started: TestDatabase[] = [];
  const start = async (): Promise<TestDatabase> => {
    const database = await startTestDatabase();
    started.push(database);
    return database;
  };
  const query = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  afterEach(async () => {
    for (const database of started.splice(0)) await database.stop();
  });

  it('belongs to a role that row-level security holds for', async () => {
    const { url } = await start();

    const rows = await query<{ rolsuper: boolean; rolbypassrls: boolean; version: string }>(
      url,
      `SELECT rolsuper, rolbypassrls, current_setting('server_version') AS version
       FROM pg_roles WHERE rolname = current_user`,
    );

    expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false, version: expect.stringMatching(/^18/) }]);
  });

  it('sees nothing of another one', async () => {
    const [first, second] = [await start(), await start()];

    await query(first.url, 'CREATE TABLE secrets (id int)');

    expect(await query(second.url, `SELECT to_regclass('secrets') AS found`)).toEqual([{ found: null }]);
  });

  it('is gone after stop, whoever is connected', async () => {
    const database = await start();
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();

    await database.stop();

    await expect(query(database.url, 'SELECT 1')).rejects.toThrow(/authentication failed|does not exist/);
    await client.end().catch(() => undefined);
  });
});

import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createDataSource,
  Database,
  DatabaseSettings,
  lookup,
  pagedStatement,
  poolOf,
  projectScope,
  runMigrations,
  type Statement,
  statement,
} from '@qa-pms/database';
import { createRootLogger, infrastructureFault, logFor, runAsSystem } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { DataSource } from 'typeorm';

const NOTE = 'SELECT note, (SELECT pg_backend_pid()) AS pid FROM things.things WHERE id = $1';
const LOOKUP = lookup('note-lookup', NOTE);
const READ = statement('note-read', NOTE);
const FAILING = lookup('failing', 'SELECT 1 / $1::int AS note');
const SLOW = lookup('slow', 'SELECT pg_sleep($1::int)');
const NO_TABLE = lookup('no-table', 'SELECT note FROM things.nothing WHERE id = $1');
const SETTINGS = statement(
  'settings',
  "SELECT current_setting('qa.project_id', true) AS project, current_setting('qa.all_projects', true) AS everywhere",
);
const ALL = pagedStatement('all', { select: 'note', from: 'things.things', order: 'id', parameters: 0 });

interface Note {
  note: string;
  pid: number;
}

describe('a read', () => {
  const [mine, other] = [randomUUID(), randomUUID()];
  let server: TestDatabase;
  let dataSource: DataSource;
  let db: Database;

  beforeAll(async () => {
    server = await startTestDatabase();
    const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');
    const options = { schema: 'things', entities: [], migrations: [] };
    const settings = Object.assign(new DatabaseSettings(), { url: server.url, poolMin: 0, poolMax: 3 });
    dataSource = createDataSource(options, settings, log);
    await dataSource.initialize();
    await runMigrations(dataSource, 'things');
    await dataSource.query('CREATE TABLE things.things (id integer PRIMARY KEY, project_id uuid, note text)');
    for (const sql of projectScope('things', 'things')) await dataSource.query(sql);
    db = new Database(dataSource, 'workflow', 'things', '', () => undefined);
    for (const [id, projectId, note] of [
      [1, mine, 'one'],
      [2, other, 'two'],
    ] as [number, string, string][])
      await runAsSystem({ projectId }, () =>
        db.transaction(async (tx) => {
          tx.write('INSERT INTO things.things VALUES ($1, $2, $3)', [id, projectId, note]);
        }),
      );
  });

  afterAll(async () => {
    await dataSource.destroy();
    await server.stop();
  });

  const as = (projectId: string, one: Statement, values: unknown[] = []): Promise<Note[]> =>
    runAsSystem({ projectId }, () => db.read<Note>(one, values));

  it.each([
    ['alone', READ],
    ['as a lookup', LOOKUP],
  ])('sees rows of its project only, %s', async (_how, one) => {
    expect(await as(mine, one, [1])).toMatchObject([{ note: 'one' }]);
    expect(await as(mine, one, [2])).toEqual([]);
    expect(await as(other, one, [2])).toMatchObject([{ note: 'two' }]);
    expect(await runAsSystem({}, () => db.read(one, [1]))).toEqual([]);
    expect(await runAsSystem({}, () => db.acrossProjects.read<Note>(one, [2]))).toMatchObject([{ note: 'two' }]);
  });

  it('of a page sees rows of its project only', async () => {
    const page = await runAsSystem({ projectId: mine }, () => db.readPage(ALL, [], {}));

    expect(page).toEqual({ rows: [{ note: 'one' }], total: 1 });
  });

  it('leaves nothing of its project to whoever has the connection next', async () => {
    await Promise.all([as(mine, LOOKUP, [1]), as(mine, READ, [1])]);

    for (let count = 0; count < 5; count += 1) {
      const [seen] = await dataSource.query<{ project: string | null; everywhere: string | null }[]>(SETTINGS.text);
      expect([seen?.project ?? '', seen?.everywhere ?? '']).toEqual(['', '']);
    }
  });

  it('shares a connection with the lookups of its turn, each in its own project', async () => {
    const found = await Promise.all([
      as(mine, LOOKUP, [1]),
      as(other, LOOKUP, [1]),
      as(other, LOOKUP, [2]),
      as(mine, LOOKUP, [2]),
      as(mine, LOOKUP, [1]),
    ]);

    expect(found.map((rows) => rows.map(({ note }) => note))).toEqual([['one'], [], ['two'], [], ['one']]);
    expect(new Set(found.flatMap((rows) => rows.map(({ pid }) => pid))).size).toBe(1);
  });

  it('waits for one connection with the lookups of later turns, while none is free', async () => {
    const pool = poolOf(dataSource);
    const taken = await Promise.all(Array.from({ length: 3 }, () => pool.connect()));

    const found = [];
    for (let turn = 0; turn < 5; turn += 1) {
      found.push(as(mine, LOOKUP, [1]));
      await nextTurn();
    }
    const asked = pool.waitingCount;
    for (const client of taken) client.release();

    expect(asked).toBe(1);
    expect(await Promise.all(found)).toMatchObject(found.map(() => [{ note: 'one' }]));
  });

  it('has its own time to wait for a connection, whoever waits before it', async () => {
    const pool = poolOf(dataSource);
    const taken = await Promise.all(Array.from({ length: 3 }, () => pool.connect()));

    const first = as(mine, LOOKUP, [1]).catch(infrastructureFault);
    await sleep(1_500);
    const second = as(mine, LOOKUP, [1]);
    const fault = await first;
    for (const client of taken) client.release();

    expect(fault).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(await second).toMatchObject([{ note: 'one' }]);
  });

  it('of many lookups in one turn uses several connections', async () => {
    const found = await Promise.all(Array.from({ length: 40 }, () => as(mine, LOOKUP, [1])));

    expect(found.every(([row]) => row?.note === 'one')).toBe(true);
    expect(new Set(found.map(([row]) => row?.pid)).size).toBe(3);
  });

  it('that fails fails alone', async () => {
    const [before, divided, missing, again, after] = await Promise.allSettled([
      as(mine, LOOKUP, [1]),
      as(mine, FAILING, [0]),
      as(mine, NO_TABLE, [1]),
      as(mine, NO_TABLE, [1]),
      as(mine, LOOKUP, [1]),
    ]);

    expect(before).toMatchObject({ status: 'fulfilled', value: [{ note: 'one' }] });
    expect(divided).toMatchObject({ status: 'rejected', reason: { code: '22012' } });
    expect(missing).toMatchObject({ status: 'rejected', reason: { code: '42P01' } });
    // pg took it for parsed already: 26000 is a statement that is not there.
    expect(again).toMatchObject({ status: 'rejected', reason: { code: '26000' } });
    expect(after).toMatchObject({ status: 'fulfilled', value: [{ note: 'one' }] });
    expect(await as(mine, FAILING, [1])).toEqual([{ note: 1 }]);
  });

  it('whose table comes later finds it', async () => {
    await expect(as(mine, NO_TABLE, [1])).rejects.toMatchObject({ code: '42P01' });
    await dataSource.query('CREATE TABLE things.nothing (id integer, note text)');

    expect(await as(mine, NO_TABLE, [1])).toEqual([]);
  });

  it('fails with its connection, as all that share it, and the next one has another', async () => {
    const slow = as(mine, SLOW, [30]);
    const behind = as(mine, LOOKUP, [1]);
    const ended = Promise.allSettled([slow, behind]);
    for (let count = 0; count === 0;) {
      const found = await dataSource.query<unknown[]>(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep($1%'`,
      );
      count = found.length;
    }

    // The first is told why by PostgreSQL, who is behind it only sees the end: to their callers both are an outage.
    const faults = (await ended).map((one) => (one.status === 'rejected' ? infrastructureFault(one.reason) : null));
    expect(faults).toMatchObject([{ code: 'UPSTREAM_UNAVAILABLE' }, { code: 'UPSTREAM_UNAVAILABLE' }]);
    expect(await as(mine, LOOKUP, [1])).toMatchObject([{ note: 'one' }]);
  });
});

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  borrowed,
  checkDump,
  connect,
  createDataSource,
  DatabaseSettings,
  type Dump,
  dumpSchemas,
  loadSchemas,
  projectScope,
  runMigrations,
  upTo,
} from '@qa-pms/database';
import { createRootLogger, logFor } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';

const PROJECT = '00000000-0000-4000-8000-000000000001';

class CreateThings1700000000000 implements MigrationInterface {
  name = 'CreateThings1700000000000';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE things.a_parts (id int PRIMARY KEY, owner_id int NOT NULL, parent_id int REFERENCES things.a_parts)`,
    );
    await runner.query(`CREATE TABLE things.owners (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project_id uuid NOT NULL, name text, bytes bytea, number double precision,
      moment timestamptz, doc jsonb, list text[], "Odd ""Name" text, twice int GENERATED ALWAYS AS (length(name) * 2) STORED)`);
    await runner.query(`ALTER TABLE things.a_parts ADD FOREIGN KEY (owner_id) REFERENCES things.owners`);
    for (const sql of projectScope('things', 'owners')) await runner.query(sql);
  }
  async down(): Promise<void> {
    await Promise.reject(new Error('not needed'));
  }
}

class AddLater1700000000001 implements MigrationInterface {
  name = 'AddLater1700000000001';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE things.owners ADD later text DEFAULT 'added'`);
  }
  async down(): Promise<void> {
    await Promise.reject(new Error('not needed'));
  }
}

const NEWER = { schema: 'things', entities: [], migrations: [CreateThings1700000000000, AddLater1700000000001] };
const OLDER = upTo(NEWER, ['CreateThings1700000000000']);
/** dead_letters, inbox_messages, outbox_messages and owners come before a_parts. */
const tablesBefore = 4;
const VALUES = ['plain', 'tab\tand\\N and \\. and\r\nlines', '„ä“ \u{1F642}', '', null];

describe('a dump over SQL', () => {
  let folder: string;
  let databases: TestDatabase[];
  let sources: DataSource[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-dump-'));
    databases = [];
    sources = [];
  });
  afterEach(async () => {
    for (const source of sources) await source.destroy();
    for (const database of databases) await database.stop();
    await rm(folder, { recursive: true });
  });

  async function open(options = OLDER, database?: TestDatabase): Promise<DataSource> {
    const given = database ?? (await startTestDatabase());
    if (!database) databases.push(given);
    const settings = Object.assign(new DatabaseSettings(), { url: given.url, poolMin: 0, poolMax: 2 });
    const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');
    const source = createDataSource(options, settings, log, { pipeline: false });
    await connect(source, log);
    sources.push(source);
    return source;
  }

  async function filled(): Promise<DataSource> {
    const source = await open();
    await runMigrations(source, 'things');
    await everywhere(source, async (query) => {
      for (const value of VALUES)
        await query(
          `INSERT INTO things.owners (project_id, name, bytes, number, moment, doc, list, "Odd ""Name")
           VALUES ($1, $2, $3, 'NaN', '2026-03-29 02:30:00.123456+01', $4, $5, $2)`,
          [PROJECT, value, Buffer.from([0, 10, 92, 255]), JSON.stringify({ value }), [value, 'x,"y"']],
        );
      await query(`INSERT INTO things.a_parts VALUES (1, 1, 3), (2, 2, NULL), (3, 1, 1)`);
    });
    return source;
  }

  async function everywhere(
    source: DataSource,
    work: (query: (text: string, values?: unknown[]) => Promise<unknown>) => Promise<unknown>,
  ): Promise<void> {
    await borrowed(source, async (client) => {
      await client.query(`BEGIN; SET LOCAL qa.all_projects = 'on'`);
      await work((text, values) => client.query(text, values));
      await client.query('COMMIT');
    });
  }

  async function owners(source: DataSource): Promise<unknown[]> {
    let rows: unknown[] = [];
    await everywhere(source, async (query) => {
      ({ rows } = (await query('SELECT * FROM things.owners ORDER BY id')) as { rows: unknown[] });
    });
    return rows;
  }

  const dump = (source: DataSource): Promise<Dump> =>
    borrowed(source, (client) => dumpSchemas(client, ['things', 'not_there'], folder, () => undefined));

  it('brings every row back as it was, whatever stands in it, under the same policies', async () => {
    const source = await filled();
    const made = await dump(source);
    const target = await open();

    await checkDump(made, folder);
    await loadSchemas([{ dataSource: target, dumped: made.schemas[0]! }], folder, () => undefined);

    expect(await owners(target)).toEqual(await owners(source));
    expect(await target.query('SELECT * FROM things.a_parts ORDER BY id')).toEqual(
      await source.query('SELECT * FROM things.a_parts ORDER BY id'),
    );
    expect(await target.query('SELECT * FROM things.owners')).toEqual([]);
    const tables = made.schemas[0]!.tables.map(({ name }) => name);
    expect(tables.indexOf('owners')).toBeLessThan(tables.indexOf('a_parts'));
    expect(made.schemas.map(({ schema }) => schema)).toEqual(['things']);
  });

  it('lets ids go on where they were', async () => {
    const made = await dump(await filled());
    const target = await open();
    await loadSchemas([{ dataSource: target, dumped: made.schemas[0]! }], folder, () => undefined);

    await everywhere(target, (query) =>
      query(`INSERT INTO things.owners (project_id, name) VALUES ($1, 'next')`, [PROJECT]),
    );

    expect(await owners(target)).toContainEqual(expect.objectContaining({ id: VALUES.length + 1, name: 'next' }));
  });

  it('is of one moment: what is committed while it is read is not in it', async () => {
    const source = await filled();
    const other = await open(OLDER, databases[0]);

    const made = await borrowed(other, async (writer) => {
      await writer.query('BEGIN; LOCK TABLE things.a_parts; INSERT INTO things.a_parts VALUES (4, 1, NULL)');
      const commits: Promise<unknown>[] = [];
      const dumped = await borrowed(source, (client) =>
        dumpSchemas(client, ['things'], folder, (done) => {
          // The owners are read: their parts are waited for until this has ended.
          if (done === tablesBefore) commits.push(writer.query('COMMIT'));
        }),
      );
      await Promise.all(commits);
      return dumped;
    });

    const parts = made.schemas[0]!.tables.find(({ name }) => name === 'a_parts');
    expect(parts?.rows).toBe(3);
    expect(await source.query('SELECT FROM things.a_parts')).toHaveLength(4);
  });

  it('goes into a newer version, whose migrations come on top', async () => {
    const made = await dump(await filled());
    const target = await open();
    await loadSchemas([{ dataSource: target, dumped: made.schemas[0]! }], folder, () => undefined);

    const newer = await open(NEWER, databases[1]);
    const applied = await runMigrations(newer, 'things');

    expect(applied).toEqual(['AddLater1700000000001']);
    expect(await owners(newer)).toContainEqual(expect.objectContaining({ name: 'plain', later: 'added' }));
  });

  it('changes nothing where it cannot be loaded whole', async () => {
    const source = await filled();
    const made = await dump(source);
    const before = await owners(source);
    await appendFile(join(folder, 'things/a_parts.copy'), '9\t999\t\\N\n');

    const loading = loadSchemas([{ dataSource: source, dumped: made.schemas[0]! }], folder, () => undefined);

    await expect(loading).rejects.toThrow('foreign key');
    expect(await owners(source)).toEqual(before);
  });

  it.each([
    ['changed', 'has another checksum', (text: string) => text.replace('plain', 'plane')],
    ['cut off', 'bytes instead of', (text: string) => text.slice(0, 10)],
  ])('whose file was %s is known by it', async (_how, message, damage) => {
    const made = await dump(await filled());
    const file = join(folder, 'things/owners.copy');
    await writeFile(file, damage(await readFile(file, 'utf8')));

    await expect(checkDump(made, folder)).rejects.toThrow(message);
  });

  it('whose file is missing is known by it', async () => {
    const made = await dump(await filled());
    await rm(join(folder, 'things/owners.copy'));

    await expect(checkDump(made, folder)).rejects.toThrow('things/owners.copy is missing');
  });

  it('of tables that refer to each other in a circle is refused', async () => {
    const source = await filled();
    await source.query('ALTER TABLE things.owners ADD part_id int REFERENCES things.a_parts');

    await expect(dump(source)).rejects.toThrow('Tables refer to each other in a circle: a_parts, owners.');
  });
});

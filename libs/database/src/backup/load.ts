import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { escapeIdentifier, type PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { DataSource, QueryRunner } from 'typeorm';
import { apply } from '../migrations.js';
import { type Dump, type DumpedSchema, UNIFORM } from './dump.js';

/** A schema of a dump with a data source that knows those of its migrations that the dump names, and no others. */
export interface LoadTarget {
  dataSource: DataSource;
  dumped: DumpedSchema;
}

/** Longest that whoever still uses the tables may hold them. */
const LOCK_TIMEOUT_MS = 10_000;

/** Throws where a file of the dump is missing or not as it was written. */
export async function checkDump({ schemas }: Dump, folder: string): Promise<void> {
  for (const { tables } of schemas) {
    for (const { file, bytes, sha256 } of tables) {
      const path = join(folder, file);
      const found = await stat(path).catch(() => null);
      if (found === null) throw new Error(`${file} is missing`);
      if (found.size !== bytes) throw new Error(`${file} has ${String(found.size)} bytes instead of ${String(bytes)}`);
      const hash = createHash('sha256');
      await pipeline(createReadStream(path), hash);
      if (hash.digest('hex') !== sha256) throw new Error(`${file} has another checksum than when it was written`);
    }
  }
}

/** Schemas of these that exist. */
export async function existingSchemas(on: Pick<DataSource, 'query'>, schemas: string[]): Promise<string[]> {
  const found: { name: string }[] = await on.query(
    'SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY($1::text[]) ORDER BY 1',
    [schemas],
  );
  return found.map(({ name }) => name);
}

/** How many connections of running services the database has. */
export async function connectedServices(on: Pick<DataSource, 'query'>): Promise<number> {
  const found: { count: number }[] = await on.query(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'qa-pms %'`,
  );
  return found[0]?.count ?? 0;
}

/**
 * Makes the schemas of a dump anew and fills them, in one transaction: what cannot be loaded whole changes nothing.
 * Schemas of these names are removed with all that is in them. The first target's data source must not pipeline.
 */
export async function loadSchemas(
  targets: LoadTarget[],
  folder: string,
  tell: (done: number, total: number) => void,
): Promise<void> {
  const total = targets.reduce((sum, { dumped }) => sum + dumped.tables.length, 0);
  let done = 0;
  const runner = targets[0]!.dataSource.createQueryRunner();
  const client = (await runner.connect()) as PoolClient;
  try {
    await runner.startTransaction();
    await runner.query(`${UNIFORM}; SET LOCAL lock_timeout = ${String(LOCK_TIMEOUT_MS)}`);
    for (const { dataSource, dumped } of targets) {
      const { schema, tables, sequences } = dumped;
      await runner.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await apply(dataSource, runner, schema);
      const names = tables.map(({ name }) => `${schema}.${escapeIdentifier(name)}`);
      if (names.length > 0) await runner.query(`TRUNCATE ${names.join(', ')}`);
      for (const table of tables) {
        await loadTable(runner, client, schema, table, folder);
        tell((done += 1), total);
      }
      for (const { name, value } of sequences)
        await runner.query('SELECT setval($1, $2::bigint)', [`${schema}.${escapeIdentifier(name)}`, value]);
    }
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function loadTable(
  runner: QueryRunner,
  client: PoolClient,
  schema: string,
  { name, columns, file, rows }: DumpedSchema['tables'][number],
  folder: string,
): Promise<void> {
  const table = `${schema}.${escapeIdentifier(name)}`;
  const forced = (await runner.query('SELECT relforcerowsecurity AS forced FROM pg_class WHERE oid = $1::regclass', [
    table,
  ])) as { forced: boolean }[];
  // COPY FROM knows no policies: for this long the tables' owner is exempt from them.
  if (forced[0]?.forced) await runner.query(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
  // What our triggers made of these rows is among the rows.
  await runner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  const into = client.query(
    copyFrom(`COPY ${table} (${columns.map((one) => escapeIdentifier(one)).join(', ')}) FROM STDIN`),
  );
  await pipeline(createReadStream(join(folder, file)), into);
  await runner.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
  if (forced[0]?.forced) await runner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  if (into.rowCount !== rows) throw new Error(`${table} took ${String(into.rowCount)} of ${String(rows)} rows.`);
}

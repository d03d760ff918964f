import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** The rows of a table, in a file of PostgreSQL's text format: https://www.postgresql.org/docs/18/sql-copy.html */
export interface DumpedTable {
  name: string;
  columns: string[];
  /** Path below the dump's folder. */
  file: string;
  rows: number;
  bytes: number;
  sha256: string;
}

/** Where a sequence stood. */
export interface DumpedSequence {
  name: string;
  value: string;
}

/** The data of a service. Its migrations tell the structure. */
export interface DumpedSchema {
  schema: string;
  /** Names, in the order in which they were applied. */
  migrations: string[];
  /** In an order in which each comes after those that it refers to. */
  tables: DumpedTable[];
  sequences: DumpedSequence[];
}

/** The data of all services at one moment. */
export interface Dump {
  takenAt: string;
  /** Version of the server. */
  postgres: string;
  schemas: DumpedSchema[];
}

/** Rows as text mean the same whatever the server's own settings are. */
const SETTINGS = [
  ['client_encoding', 'UTF8'],
  ['datestyle', 'ISO, YMD'],
  ['intervalstyle', 'postgres'],
  ['timezone', 'UTC'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['qa.all_projects', 'on'],
] as const;

/** Statements that make both ends of a dump read and write alike. */
export const UNIFORM = SETTINGS.map(([name, value]) => `SET LOCAL ${name} = '${value}'`).join('; ');

const TABLES = `
  SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migrations'
  GROUP BY c.relname ORDER BY c.relname`;

const REFERENCES = `
  SELECT one.relname AS "from", other.relname AS "to"
  FROM pg_constraint k JOIN pg_class one ON one.oid = k.conrelid JOIN pg_class other ON other.oid = k.confrelid
  WHERE k.contype = 'f' AND one.relnamespace = to_regnamespace($1) AND one.oid <> other.oid`;

const SEQUENCES = `
  SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
  WHERE schemaname = $1 AND last_value IS NOT NULL AND sequencename <> 'migrations_id_seq' ORDER BY 1`;

/**
 * Writes the rows of these schemas to files below `folder`, all of one moment, while others go on writing. A schema that
 * does not exist is left out. `tell` hears how many tables are done.
 */
export async function dumpSchemas(
  client: PoolClient,
  schemas: string[],
  folder: string,
  tell: (done: number, total: number) => void,
): Promise<Dump> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  try {
    await client.query(UNIFORM);
    const facts = await rows<{ version: string; now: Date }>(
      client,
      `SELECT current_setting('server_version') AS version, now() AS now`,
    );
    const described: Omit<DumpedSchema, 'sequences'>[] = [];
    for (const schema of schemas) described.push(...(await describe(client, schema)));
    const total = described.reduce((sum, { tables }) => sum + tables.length, 0);
    let done = 0;
    for (const { schema, tables } of described) {
      await mkdir(join(folder, schema), { recursive: true });
      for (const table of tables) {
        Object.assign(table, await dumpTable(client, schema, table, folder));
        tell((done += 1), total);
      }
    }
    // Sequences know no snapshots: read after the rows, none is behind them.
    const whole: DumpedSchema[] = [];
    for (const one of described)
      whole.push({ ...one, sequences: await rows<DumpedSequence>(client, SEQUENCES, [one.schema]) });
    return { takenAt: facts[0]!.now.toISOString(), postgres: facts[0]!.version, schemas: whole };
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

async function describe(client: PoolClient, schema: string): Promise<Omit<DumpedSchema, 'sequences'>[]> {
  const [found] = await rows<{ there: boolean }>(client, 'SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.migrations`,
  ]);
  if (!found?.there) return [];
  const migrations = await rows<{ name: string }>(client, `SELECT name FROM ${schema}.migrations ORDER BY id`);
  const tables = await rows<{ name: string; columns: string[] }>(client, TABLES, [schema]);
  const references = await rows<{ from: string; to: string }>(client, REFERENCES, [schema]);
  return [
    {
      schema,
      migrations: migrations.map(({ name }) => name),
      tables: referredFirst(tables, references).map((table) => ({
        ...table,
        file: `${schema}/${table.name}.copy`,
        rows: 0,
        bytes: 0,
        sha256: '',
      })),
    },
  ];
}

function referredFirst<T extends { name: string }>(tables: T[], references: { from: string; to: string }[]): T[] {
  const ordered: T[] = [];
  const left = new Map(tables.map((table) => [table.name, table]));
  while (left.size > 0) {
    const free = [...left.values()].filter(
      ({ name }) => !references.some(({ from, to }) => from === name && left.has(to)),
    );
    if (free.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...left.keys()].join(', ')}.`);
    for (const table of free) left.delete(table.name);
    ordered.push(...free);
  }
  return ordered;
}

async function dumpTable(
  client: PoolClient,
  schema: string,
  { name, columns, file }: DumpedTable,
  folder: string,
): Promise<Pick<DumpedTable, 'rows' | 'bytes' | 'sha256'>> {
  const measured = { rows: 0, bytes: 0 };
  const hash = createHash('sha256');
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      measured.bytes += chunk.length;
      // A line break within a value is written as \n.
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) measured.rows += 1;
      hash.update(chunk);
      next(null, chunk);
    },
  });
  const list = columns.map((column) => client.escapeIdentifier(column)).join(', ');
  const from = client.query(copyTo(`COPY (SELECT ${list} FROM ${schema}.${client.escapeIdentifier(name)}) TO STDOUT`));
  await pipeline(from, meter, createWriteStream(join(folder, file)));
  return { ...measured, sha256: hash.digest('hex') };
}

async function rows<Row>(client: PoolClient, text: string, values: unknown[] = []): Promise<Row[]> {
  return (await client.query(text, values)).rows as Row[];
}

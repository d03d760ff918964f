import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Row } from './rows.js';

/** What the same PostgreSQL does without us: the statement of GET /workflows/{id}, prepared, from PostgreSQL's own client. */
export async function pgbench(databaseUrl: string): Promise<Row[]> {
  const program = findPgbench();
  if (!program) {
    console.log('pgbench is left out: it is not on this machine (Debian has it in postgresql-contrib).');
    return [];
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client
    .query<{ id: string; project_id: string }>(
      `BEGIN; SET LOCAL qa.all_projects = 'on'; SELECT id, project_id FROM workflow.workflows LIMIT 1`,
    )
    .then((results) => (results as unknown as { rows: { id: string; project_id: string }[] }[])[2] ?? { rows: [] });
  await client.end();
  const [row] = rows;
  if (!row) throw new Error('There is no workflow to read.');
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-pgbench-'));
  const script = join(folder, 'read.sql');
  await writeFile(
    script,
    `BEGIN;\nSET LOCAL qa.project_id = '${row.project_id}';\nSELECT * FROM workflow.workflows WHERE id = '${row.id}';\nCOMMIT;\n`,
  );
  const args = ['-n', '-M', 'prepared', '-c', '8', '-j', '1', '-T', '5', '-f', script, databaseUrl];
  const output = execFileSync(program, args, { encoding: 'utf8' });
  await rm(folder, { recursive: true });
  const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1]);
  return [{ what: 'pgbench: the row in a scoped transaction, 8 clients', 'req/s': Math.round(perSecond) }];
}

function findPgbench(): string | undefined {
  if (spawnSync('pgbench', ['--version']).error === undefined) return 'pgbench';
  return globSync('/usr/lib/postgresql/*/bin/pgbench').find((path) => existsSync(path));
}

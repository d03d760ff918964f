import type { DataSource, QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { DatabaseOptions } from './options.js';
import { isExemptFromRowSecurity, RUNTIME_ROLE } from './project-scope.js';

/** A table with rows of projects, and the ways to rows of another project that were found open. */
export interface ProbedTable {
  table: string;
  /** Projects that have rows in it. */
  projects: number;
  rows: number;
  /** Why its rows are not kept apart; null where they are to be. */
  exception: string | null;
  /** Each a sentence; none where the table is safe. */
  faults: string[];
}

/** Projects, those with the most rows, from which each table is probed: every probe may read the whole table. */
const PROBED_PROJECTS = 3;

/**
 * Tries, as the role that the service works in, to see rows of another project and to make some for it, in every table
 * that has a `project_id`. All in a transaction that is rolled back.
 */
export async function probeIsolation(
  dataSource: DataSource,
  { schema, acrossProjects = {} }: DatabaseOptions,
): Promise<ProbedTable[]> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    const tables = (await runner.query(
      `SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS secured FROM pg_class
       JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'project_id'
       WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') ORDER BY relname`,
      [schema],
    )) as { name: string; secured: boolean }[];
    if (await isExemptFromRowSecurity(dataSource)) await runner.query(`SET LOCAL ROLE ${RUNTIME_ROLE}`);
    const probed: ProbedTable[] = [];
    for (const { name, secured } of tables) {
      const exception = acrossProjects[name] ?? null;
      const probe = new Probe(runner, `${schema}.${name}`);
      const owners = await probe.owners();
      const rows = owners.reduce((sum, { rows: count }) => sum + count, 0);
      const faults = exception === null ? await probe.faults(owners, secured) : [];
      probed.push({ table: name, projects: owners.length, rows, exception, faults });
    }
    return probed;
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

interface Owner {
  id: string;
  rows: number;
}

/** The attempts on one table. */
class Probe {
  constructor(
    private readonly runner: QueryRunner,
    private readonly table: string,
  ) {}

  /** Who has rows, the most first. Rows without a project are everybody's. */
  async owners(): Promise<Owner[]> {
    await this.act('', true);
    return (await this.runner.query(
      `SELECT project_id AS id, count(*)::integer AS rows FROM ${this.table}
       WHERE project_id IS NOT NULL GROUP BY project_id ORDER BY rows DESC, id`,
    )) as Owner[];
  }

  async faults(owners: Owner[], secured: boolean): Promise<string[]> {
    const faults = secured ? [] : ['Row-level security is off, or not forced on its owner.'];
    const stranger = uuidv7();
    const [most] = owners;
    if (await this.sees('')) faults.push('Without a project rows are seen.');
    for (const id of [stranger, ...owners.slice(0, PROBED_PROJECTS).map((owner) => owner.id)])
      if (await this.sees(id))
        faults.push(`${id === stranger ? 'A project that does not exist' : `Project ${id}`} sees rows of others.`);
    if (most && (await this.gives(most.id, stranger))) faults.push('A row can be made in another project.');
    return faults;
  }

  private async sees(project: string): Promise<boolean> {
    await this.act(project);
    const [found] = (await this.runner.query(
      `SELECT EXISTS (SELECT FROM ${this.table} WHERE project_id::text <> $1) AS seen`,
      [project],
    )) as [{ seen: boolean }];
    return found.seen;
  }

  /** A copy of a row, in another project. The policy judges it before the constraints, which it would break. */
  private async gives(from: string, to: string): Promise<boolean> {
    await this.act(from);
    await this.runner.query('SAVEPOINT giving');
    const copy = `SELECT (jsonb_populate_record(own, jsonb_build_object('project_id', $2::text))).* FROM ${this.table} AS own`;
    const isRefused = await this.runner
      .query(`INSERT INTO ${this.table} ${copy} WHERE project_id = $1 LIMIT 1`, [from, to])
      .then(
        () => false,
        // insufficient_privilege: https://www.postgresql.org/docs/18/errcodes-appendix.html
        (error: unknown) => (error as { code?: unknown }).code === '42501',
      );
    await this.runner.query('ROLLBACK TO SAVEPOINT giving');
    return !isRefused;
  }

  private async act(project: string, everywhere = false): Promise<void> {
    const all = everywhere ? 'on' : 'off';
    await this.runner.query(`SELECT set_config('qa.project_id', $1, true), set_config('qa.all_projects', $2, true)`, [
      project,
      all,
    ]);
  }
}

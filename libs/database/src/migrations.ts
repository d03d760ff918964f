import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { messagingTables } from './messaging-tables.js';
import type { AnyClass, DatabaseOptions } from './options.js';
import { isExemptFromRowSecurity, RUNTIME_ROLE } from './project-scope.js';

/** What a service's database has of its migrations. */
export interface MigrationStatus {
  applied: string[];
  pending: string[];
}

/** What migrating would do. */
export interface MigrationPlan {
  names: string[];
  /** The SQL, in its order. */
  statements: string[];
}

/** Names of all migrations of a service, in their order. */
export function knownMigrations({ schema, migrations }: DatabaseOptions): string[] {
  return [messagingTables(schema), ...migrations].map(nameOf);
}

/** A service's database as these migrations leave it. */
export function upTo(options: DatabaseOptions, names: string[]): DatabaseOptions {
  return { ...options, migrations: options.migrations.filter((migration) => names.includes(nameOf(migration))) };
}

/** As TypeORM finds it. */
function nameOf(migration: AnyClass): string {
  return (new migration() as { name?: string }).name ?? migration.name;
}

/** Sends a statement and gives its rows. */
type Ask = <Row>(text: string, values?: unknown[]) => Promise<Row[]>;

/** Names of a service's migrations, in their order; `query` asks on another connection than one of the pool. */
export async function migrationStatus(
  dataSource: DataSource,
  schema: string,
  query: Ask = (text, values) => dataSource.query(text, values),
): Promise<MigrationStatus> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const exists = await query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    `${schema}.migrations`,
  ]);
  if (exists[0]?.found === null) return { applied: [], pending: known };
  const rows = await query<{ name: string }>(`SELECT name FROM ${schema}.migrations ORDER BY id`);
  const applied = rows.map(({ name }) => name);
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
}

/** Names of migrations of a service that have not been applied. */
export async function pendingMigrations(dataSource: DataSource, schema: string, query?: Ask): Promise<string[]> {
  return (await migrationStatus(dataSource, schema, query)).pending;
}

/**
 * Brings a service's tables up to date, all or nothing, and returns what was applied.
 * The lock belongs to the transaction and not to the session, so that it works through connection poolers.
 */
export function runMigrations(dataSource: DataSource, schema: string): Promise<string[]> {
  return locked(dataSource, schema, (runner) => apply(dataSource, runner, schema));
}

/** Takes back the last migration of a service and returns its name; null where there is none. */
export function revertMigration(dataSource: DataSource, schema: string): Promise<string | null> {
  return locked(dataSource, schema, (runner) => revert(dataSource, runner, schema));
}

/** What the other two would do: it is done, and rolled back, so that what would fail fails here. */
export async function planMigrations(
  dataSource: DataSource,
  schema: string,
  direction: 'run' | 'revert',
): Promise<MigrationPlan> {
  const plan: MigrationPlan = { names: [], statements: [] };
  await locked(
    dataSource,
    schema,
    async (runner) => {
      const query = runner.query.bind(runner) as (text: string, ...rest: unknown[]) => Promise<unknown>;
      const recorded = (text: string, ...rest: unknown[]): Promise<unknown> => {
        if (!/^\s*(SELECT|ROLLBACK)\b/i.test(text)) plan.statements.push(text.trim());
        return query(text, ...rest);
      };
      Object.assign(runner, { query: recorded });
      const last = direction === 'revert' ? await revert(dataSource, runner, schema) : null;
      plan.names = direction === 'revert' ? (last === null ? [] : [last]) : await apply(dataSource, runner, schema);
    },
    'ROLLBACK',
  );
  return plan.names.length === 0 ? { names: [], statements: [] } : plan;
}

/** Applies what is pending in the transaction of a runner, which may be of another data source of the same database. */
export async function apply(dataSource: DataSource, runner: QueryRunner, schema: string): Promise<string[]> {
  await runner.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  const done = await executor(dataSource, runner).executePendingMigrations();
  if (await isExemptFromRowSecurity(runner)) await grantToRuntimeRole(runner, schema);
  return done.map(({ name }) => name);
}

async function revert(dataSource: DataSource, runner: QueryRunner, schema: string): Promise<string | null> {
  const { applied } = await migrationStatus(dataSource, schema, (text, values) => runner.query(text, values) as never);
  const last = applied.at(-1);
  if (last === undefined) return null;
  await executor(dataSource, runner).undoLastMigration();
  return last;
}

function executor(dataSource: DataSource, runner: QueryRunner): MigrationExecutor {
  const own = new MigrationExecutor(dataSource, runner);
  own.transaction = 'none';
  return own;
}

async function locked<T>(
  dataSource: DataSource,
  schema: string,
  work: (runner: QueryRunner) => Promise<T>,
  end: 'COMMIT' | 'ROLLBACK' = 'COMMIT',
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`qa-pms migrations ${schema}`]);
    const result = await work(runner);
    await (end === 'COMMIT' ? runner.commitTransaction() : runner.rollbackTransaction());
    return result;
  } catch (error) {
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function grantToRuntimeRole(runner: QueryRunner, schema: string): Promise<void> {
  await runner.query(
    `DO $$ BEGIN CREATE ROLE ${RUNTIME_ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
  );
  await runner.query(`GRANT USAGE ON SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await runner.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
}

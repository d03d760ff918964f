import { type DataSource, MigrationExecutor } from 'typeorm';
import { isExemptFromRowSecurity, RUNTIME_ROLE } from './connection.js';

/** Names of migrations of a service that have not been applied. */
export async function pendingMigrations(
  dataSource: DataSource,
  schema: string,
  query: <Row>(text: string, values?: unknown[]) => Promise<Row[]> = (text, values) => dataSource.query(text, values),
): Promise<string[]> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const exists = await query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    `${schema}.migrations`,
  ]);
  if (exists[0]?.found === null) return known;
  const applied = await query<{ name: string }>(`SELECT name FROM ${schema}.migrations`);
  const names = new Set(applied.map(({ name }) => name));
  return known.filter((name) => !names.has(name));
}

/**
 * Brings a service's tables up to date, all or nothing, and returns what was applied.
 * The lock belongs to the transaction and not to the session, so that it works through connection poolers.
 */
export async function runMigrations(dataSource: DataSource, schema: string): Promise<string[]> {
  const exempt = await isExemptFromRowSecurity(dataSource);
  const applied = await locked(dataSource, schema, async (executor) => {
    const done = await executor.executePendingMigrations();
    return done.map(({ name }) => name);
  });
  if (exempt) await grantToRuntimeRole(dataSource, schema);
  return applied;
}

/** Takes back the last migration of a service and returns its name; null where there is none. */
export async function revertMigration(dataSource: DataSource, schema: string): Promise<string | null> {
  const before = await dataSource.query<{ name: string }[]>(
    `SELECT name FROM ${schema}.migrations ORDER BY id DESC LIMIT 1`,
  );
  await locked(dataSource, schema, (executor) => executor.undoLastMigration());
  return before[0]?.name ?? null;
}

async function locked<T>(
  dataSource: DataSource,
  schema: string,
  work: (executor: MigrationExecutor) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`qa-pms migrations ${schema}`]);
    await runner.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'none';
    const result = await work(executor);
    await runner.commitTransaction();
    return result;
  } catch (error) {
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function grantToRuntimeRole(dataSource: DataSource, schema: string): Promise<void> {
  await dataSource.query(
    `DO $$ BEGIN CREATE ROLE ${RUNTIME_ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
  );
  await dataSource.query(`GRANT USAGE ON SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await dataSource.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await dataSource.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
}

import { migrationStatus } from '@qa-pms/database';
import { type Configuration, KafkaSettings, SettingsError } from '@qa-pms/platform';
import type { DataSource } from 'typeorm';
import {
  type InstallationDatabase,
  NotRunning,
  servicesWithDatabase,
  withDatabase,
  withDataSource,
} from '../database.js';
import { masterKeys, neededKeys } from '../master-key.js';
import { failed, type Finding, lineOf, ok, skipped, warning } from './findings.js';
import { clock } from './gateway.js';

/** README: PostgreSQL 15 or newer. */
const OLDEST_VERSION = 150_000;
/** operations.md: OutboxStuck. */
const OUTBOX_STUCK_S = 60;

interface Facts {
  version: string;
  number: number;
  role: string;
  exempt: boolean;
  free: number;
  now: Date;
}

/** The database from the outside in: reached, version, role, room, clock, then each service's schema. */
export async function checkDatabase(file: string | null): Promise<Finding[]> {
  try {
    return await withDatabase(file, checkReached, { start: false });
  } catch (error) {
    const reason = lineOf(error);
    if (error instanceof NotRunning) return [skipped('database', reason)];
    const remedy =
      error instanceof SettingsError
        ? 'Correct the configuration as it says; qa-pms config validate checks all of it.'
        : 'Start PostgreSQL, or correct DATABASE_URL; see whether a firewall stands between.';
    return [failed('database', `cannot be used: ${reason}`, remedy)];
  }
}

async function checkReached(database: InstallationDatabase): Promise<Finding[]> {
  const [first] = servicesWithDatabase();
  const findings = await withDataSource(first!, database.settings, async (dataSource) => [
    ...(await checkServer(dataSource, database)),
    ...(await checkPolicies(dataSource)),
  ]);
  for (const service of servicesWithDatabase()) {
    const own = await withDataSource(service, database.settings, (dataSource) =>
      checkSchema(dataSource, service.name, service.database.schema),
    );
    findings.push(...own);
  }
  if (findings.every(({ status }) => status !== 'failed')) findings.push(...(await checkSealed(database)));
  return findings;
}

async function checkServer(
  dataSource: DataSource,
  { settings, configuration }: InstallationDatabase,
): Promise<Finding[]> {
  const sent = Date.now();
  const [facts] = await dataSource.query<Facts[]>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            current_user AS role, rolsuper OR rolbypassrls AS exempt, clock_timestamp() AS now,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS free
     FROM pg_roles WHERE rolname = current_user`,
  );
  const { version, number, role, exempt, free, now } = facts!;
  return [
    number < OLDEST_VERSION
      ? failed(
          'database',
          `PostgreSQL ${version} is too old`,
          'Move to PostgreSQL 15 or newer: qa-pms backup, then restore.',
        )
      : ok('database', `PostgreSQL ${version} answers`),
    exempt
      ? warning(
          'database role',
          `${role} is exempt from row-level security; services step down to qa_pms_runtime`,
          'Connect as a role of its own that owns the database and is no superuser.',
        )
      : ok('database role', `${role} is bound by row-level security`),
    room(free, settings.poolMax, configuration),
    clock('clock of the database', now.getTime() - (sent + Date.now()) / 2),
  ];
}

/** All-in-one gives each service 4 connections unless the configuration says otherwise. */
function room(free: number, poolMax: number, configuration: Configuration): Finding {
  const services = servicesWithDatabase().length;
  const distributed = configuration.peek(KafkaSettings).brokers.length > 0;
  const each = distributed || configuration.has('database.pool_max') ? poolMax : 4;
  const sum = services * each;
  const message = `${String(services)} services with up to ${String(each)} connections make ${String(sum)} of ${String(free)}`;
  const remedy = 'Raise max_connections, lower DATABASE_POOL_MAX, or put a connection pooler between.';
  if (sum > free) return failed('database connections', message, remedy);
  return sum > free / 2
    ? warning('database connections', `${message}: a second instance of each finds no room`, remedy)
    : ok('database connections', message);
}

async function checkPolicies(dataSource: DataSource): Promise<Finding[]> {
  const rows = await dataSource.query<{ name: string; held: boolean }[]>(
    `SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS held
     FROM pg_class c WHERE c.oid IN (SELECT polrelid FROM pg_policy) AND c.relnamespace::regnamespace::text = ANY($1)`,
    [servicesWithDatabase().map(({ database }) => database.schema)],
  );
  if (rows.length === 0) return [];
  const open = rows.filter(({ held }) => !held).map(({ name }) => name);
  const name = 'row-level security';
  if (open.length === 0) return [ok(name, `forced on ${String(rows.length)} tables`)];
  const remedy = `ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY for each, and find who took it off.`;
  return [failed(name, `is off for ${open.join(', ')}: projects could see each other's rows`, remedy)];
}

async function checkSchema(dataSource: DataSource, service: string, schema: string): Promise<Finding[]> {
  const { applied, pending } = await migrationStatus(dataSource, schema);
  const name = `migrations of ${service}`;
  if (pending.length > 0) {
    const remedy = 'Apply them: npx qa-pms migrate run.';
    return [failed(name, applied.length === 0 ? 'none is applied' : `not applied: ${pending.join(', ')}`, remedy)];
  }
  const [counts] = await dataSource.query<{ dead: number; age: number | null }[]>(
    `SELECT (SELECT count(*)::int FROM ${schema}.dead_letters) AS dead,
            (SELECT extract(epoch FROM now() - min(created_at))::int FROM ${schema}.outbox_messages) AS age`,
  );
  const findings = [ok(name, `${String(applied.length)} applied`)];
  const { dead, age } = counts!;
  if (dead > 0) {
    const remedy = 'See them with npx qa-pms dead-letters list, mend the cause, then replay or drop them.';
    findings.push(warning(`dead letters of ${service}`, `${String(dead)} messages could not be handled`, remedy));
  }
  if (age !== null && age > OUTBOX_STUCK_S) {
    const remedy = 'See whether the service runs and reaches Kafka; its log says why it waits.';
    findings.push(warning(`outbox of ${service}`, `its oldest event waits for ${String(age)} s`, remedy));
  }
  return findings;
}

/** Whether the keys at hand open what the services have sealed. */
async function checkSealed({ settings, configuration, dataDir }: InstallationDatabase): Promise<Finding[]> {
  const needed = await neededKeys(settings);
  const known = await masterKeys(configuration, dataDir).catch(() => null);
  if (known === null || needed.length === 0) return [];
  const missing = needed.filter((id) => !known.includes(id));
  if (missing.length === 0) return [ok('encrypted values', 'the master key opens them')];
  const remedy =
    'Set ENCRYPTION_KEY to the key of this installation, or name earlier ones in ENCRYPTION_PREVIOUS_KEYS.';
  const message = `were encrypted with master key ${missing.join(', ')}, ours: ${known.join(', ')}`;
  return [failed('encrypted values', message, remedy)];
}

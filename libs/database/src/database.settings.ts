import { type CheckedSettings, checkTls, type ReportProblem, Setting, TlsSettings } from '@qa-pms/platform';

/** Settings of a service's database. */
export class DatabaseSettings extends TlsSettings('database', 'PostgreSQL') implements CheckedSettings {
  /** Address of PostgreSQL. */
  @Setting({
    key: 'database.url',
    description:
      'Address of PostgreSQL with user, password and database. For a Unix socket its folder is the host: `postgres://qa_pms:secret@%2Frun%2Fpostgresql/qa_pms`.',
    example: 'postgres://qa_pms:secret@db:5432/qa_pms',
    secret: true,
    check: databaseUrlProblem,
  })
  url = '';

  /** Connections a service keeps open at most. */
  @Setting({
    key: 'database.pool_max',
    description: 'Connections a service keeps open at most.',
    example: '10',
    min: 1,
  })
  poolMax = 10;

  /** Connections a service keeps open at least. */
  @Setting({ key: 'database.pool_min', description: 'Connections a service keeps open at least.', example: '2' })
  poolMin = 2;

  /** Milliseconds to wait for a connection. */
  @Setting({
    key: 'database.acquire_timeout_ms',
    description: 'Milliseconds to wait for a connection.',
    example: '2000',
    min: 1,
  })
  acquireTimeoutMs = 2_000;

  /** Milliseconds after which a statement without an answer is given up. */
  @Setting({
    key: 'database.query_timeout_ms',
    description:
      'Milliseconds after which a statement of a service that has no answer is given up, and its connection with it: a server that vanished tells nobody. Migrations and `qa-pms` wait longer.',
    example: '30000',
    min: 1_000,
  })
  queryTimeoutMs = 30_000;

  /** Seconds after which an unused connection is closed. */
  @Setting({
    key: 'database.idle_seconds',
    description: 'Seconds after which an unused connection is closed.',
    example: '600',
    min: 1,
  })
  idleSeconds = 600;

  /** Whether a service brings its tables up to date when it starts. */
  @Setting({
    key: 'database.migrate_on_start',
    description: 'Whether a service brings its tables up to date when it starts; else `qa-pms migrate run` does.',
    example: 'true',
  })
  migrateOnStart = false;

  check(report: ReportProblem): void {
    checkTls('database', this, report);
    if (this.poolMin > this.poolMax)
      report('database.pool_min', `is above database.pool_max (${String(this.poolMax)})`, 'database.pool_max');
  }
}

function databaseUrlProblem(value: string): string | null {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return 'is no address';
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') return 'does not begin with postgres://';
  // pg would let them win over database.tls.*: https://node-postgres.com/features/ssl
  const tls = [...url.searchParams.keys()].find((name) => name.startsWith('ssl'));
  if (tls !== undefined) return `holds ${tls}: say it by database.tls.mode and its neighbours`;
  try {
    for (const part of [url.username, url.password, url.hostname, url.pathname]) decodeURIComponent(part);
    return null;
  } catch {
    return 'holds a % that begins no code: write %25 for it';
  }
}

import { Setting } from '@qa-pms/platform';

/** Settings of a service's database. */
export class DatabaseSettings {
  /** Address of PostgreSQL. */
  @Setting({
    key: 'database.url',
    description: 'Address of PostgreSQL with user, password and database.',
    example: 'postgres://qa_pms:secret@db:5432/qa_pms',
    secret: true,
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
}

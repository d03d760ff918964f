import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  BackgroundJobs,
  DeadLetterStore,
  Health,
  Log,
  RUNTIME,
  type Runtime,
  SERVICE,
  type ServiceDefinition,
  stopPhase,
} from '@qa-pms/platform';
import { DataSource } from 'typeorm';
import { connect, createDataSource, poolOf, probe, renewTls } from './connection.js';
import { Database } from './database.js';
import { DatabaseSettings } from './database.settings.js';
import { DeadLetters } from './dead-letters.js';
import { cleanUpInbox } from './inbox.js';
import { pendingMigrations, runMigrations } from './migrations.js';
import type { DatabaseOptions } from './options.js';
import { OutboxRelay } from './outbox-relay.js';
import { isExemptFromRowSecurity, RUNTIME_ROLE } from './project-scope.js';
import { measureTables, watchPool } from './telemetry.js';

const CLEAN_UP_MS = 10 * 60_000;
/** Less often than most scrape: each costs three statements. */
const MEASURE_MS = 15_000;

/** Starts the relay when the service is up, watches the database, and closes both at the end. */
@Injectable()
class DatabaseLife implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly dataSource: DataSource,
    private readonly relay: OutboxRelay,
    private readonly health: Health,
    private readonly jobs: BackgroundJobs,
    private readonly log: Log,
    @Inject(SERVICE) private readonly service: ServiceDefinition,
    @Inject('schema') private readonly schema: string,
  ) {}

  onApplicationBootstrap(): void {
    const service = this.service.name;
    this.health.add({ name: 'database', service, required: true, check: () => this.checkDatabase() });
    this.health.add({ name: 'migrations', service, required: true, check: () => this.checkMigrations() });
    this.relay.start();
    this.jobs.every(MEASURE_MS, 'measure the outbox', () => measureTables(this.dataSource, service, this.schema));
    this.jobs.every(CLEAN_UP_MS, 'clean up inbox', () => cleanUpInbox(this.dataSource, this.schema));
  }

  async onApplicationShutdown(): Promise<void> {
    const { name } = this.service;
    await stopPhase(this.log, `${name} outbox`, () => this.relay.stop());
    await stopPhase(this.log, `${name} connections`, () => this.dataSource.destroy());
  }

  private async checkDatabase(): Promise<string> {
    await probe(this.dataSource, 'SELECT 1');
    return 'reachable';
  }

  private async checkMigrations(): Promise<string> {
    const pending = await pendingMigrations(this.dataSource, this.schema, (text, values) =>
      probe(this.dataSource, text, values),
    );
    if (pending.length === 0) return 'up to date';
    throw new Error(`not applied: ${pending.join(', ')}; run \`qa-pms migrate run\``);
  }
}

/** A service's database: `imports: [DatabaseModule.forService(trackingDatabase)]`. */
@Module({})
export class DatabaseModule {
  static forService(options: DatabaseOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: 'schema', useValue: options.schema },
        {
          provide: DataSource,
          useFactory: async ({ configuration }: Runtime, log: Log) => {
            const settings = configuration.read(DatabaseSettings);
            const dataSource = await open(options, settings, log);
            configuration.onReload(() => {
              renewTls(dataSource, settings);
            });
            return dataSource;
          },
          inject: [RUNTIME, Log],
        },
        {
          provide: OutboxRelay,
          useFactory: (dataSource: DataSource, runtime: Runtime, service: ServiceDefinition, log: Log) =>
            new OutboxRelay(dataSource, options.schema, service.name, runtime.wire, log),
          inject: [DataSource, RUNTIME, SERVICE, Log],
        },
        {
          provide: Database,
          useFactory: (dataSource: DataSource, runtime: Runtime, service: ServiceDefinition, relay: OutboxRelay) =>
            new Database(dataSource, service.name, options.schema, runtime.kafka.topicPrefix, () => {
              relay.wake();
            }),
          inject: [DataSource, RUNTIME, SERVICE, OutboxRelay],
        },
        {
          provide: DeadLetterStore,
          useFactory: (dataSource: DataSource, service: ServiceDefinition, relay: OutboxRelay) =>
            new DeadLetters(dataSource, options.schema, service.name, () => {
              relay.wake();
            }),
          inject: [DataSource, SERVICE, OutboxRelay],
        },
        DatabaseLife,
      ],
      exports: [Database, DataSource, DeadLetterStore],
    };
  }
}

async function open(options: DatabaseOptions, settings: DatabaseSettings, log: Log): Promise<DataSource> {
  const first = createDataSource(options, settings, log);
  await connect(first, log);
  if (settings.migrateOnStart) {
    const applied = await runMigrations(first, options.schema);
    if (applied.length > 0) log.info({ applied }, 'migrations applied');
  }
  // A superuser would see every project's rows: its connections step down to a role that does not.
  const role = (await isExemptFromRowSecurity(first)) ? RUNTIME_ROLE : null;
  // Migrations take as long as they need; what comes after them does not.
  await first.destroy();
  const dataSource = createDataSource(options, settings, log, { role, queryTimeoutMs: settings.queryTimeoutMs });
  await connect(dataSource, log);
  watchPool(poolOf(dataSource), options.schema);
  return dataSource;
}

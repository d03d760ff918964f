import { resolve } from 'node:path';
import {
  AllInOneSettings,
  hasEmbeddedDatabase,
  prepareDataFolder,
  runningEmbeddedDatabase,
  SERVICES,
  startEmbeddedDatabase,
} from '@qa-pms/all-in-one';
import { connect, createDataSource, type DatabaseOptions, DatabaseSettings } from '@qa-pms/database';
import { Configuration, createRootLogger, logFor, processEnvironment, type ServiceDefinition } from '@qa-pms/platform';
import type { DataSource } from 'typeorm';
import { CliError, EXIT_CODES } from './errors.js';

/** A service with its database. */
export type ServiceWithDatabase = ServiceDefinition & { database: DatabaseOptions };

/** The database of an installation, reached. */
export interface InstallationDatabase {
  settings: DatabaseSettings;
  configuration: Configuration;
  /** Where it is: `given` by DATABASE_URL, or embedded: `running` in another process, or `started` here. */
  state: 'given' | 'running' | 'started';
  dataDir: string;
}

/** The embedded database does not run, and was not to be started. */
export class NotRunning extends CliError {}

/** The services that have a database, or the one of this name. */
export function servicesWithDatabase(name: string | null = null): ServiceWithDatabase[] {
  const all = SERVICES.filter((service): service is ServiceWithDatabase => service.database !== undefined);
  const chosen = name === null ? all : all.filter((service) => service.name === name);
  if (chosen.length > 0) return chosen;
  const names = all.map((service) => service.name).join(', ');
  throw new CliError(`There is no service ${String(name)} with a database: choose of ${names}.`, EXIT_CODES.usage);
}

/**
 * Does work on the database of the installation: DATABASE_URL, else the embedded one of the data folder, which is started
 * for as long where it does not run (unless `start` is false: NotRunning). Throws where there is none, unless `make`
 * allows to make it.
 */
export async function withDatabase<T>(
  file: string | null,
  work: (database: InstallationDatabase) => Promise<T>,
  { make = false, start = true } = {},
): Promise<T> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const dataDir = resolve(configuration.peek(AllInOneSettings).dataDir);
  const run = (state: InstallationDatabase['state']): Promise<T> =>
    work({ settings: configuration.read(DatabaseSettings), configuration, state, dataDir });
  if (configuration.has('database.url')) return run('given');
  const running = runningEmbeddedDatabase(dataDir);
  if (running !== null) {
    configuration.provide({ DATABASE_URL: running }, 'the embedded database');
    return run('running');
  }
  if (!start) throw new NotRunning(`the embedded one of ${dataDir} runs only while the product does`);
  if (!make && !hasEmbeddedDatabase(dataDir)) {
    throw new CliError(
      `There is no database: DATABASE_URL is not set, and ${dataDir} holds none. Set DATABASE_URL or DATA_DIR.`,
      EXIT_CODES.configuration,
    );
  }
  await prepareDataFolder(dataDir);
  const { url, server } = await startEmbeddedDatabase(dataDir);
  configuration.provide({ DATABASE_URL: url }, 'the embedded database');
  try {
    return await run('started');
  } finally {
    await server.stop();
  }
}

/** Lends the data source of one service's schema; waits some seconds for a database that is starting. */
export async function withDataSource<T>(
  { name, database }: ServiceWithDatabase,
  settings: DatabaseSettings,
  work: (dataSource: DataSource) => Promise<T>,
  { patienceSeconds = 0, pipeline = true }: { patienceSeconds?: number; pipeline?: boolean } = {},
): Promise<T> {
  const log = logFor(createRootLogger({ level: 'error', format: 'json' }), name);
  const few = Object.assign(new DatabaseSettings(), settings, { poolMin: 0, poolMax: 2 });
  const dataSource = createDataSource(database, few, log, { pipeline });
  await connect(dataSource, log, patienceSeconds);
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

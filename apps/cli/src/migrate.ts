import { SERVICES } from '@qa-pms/all-in-one';
import {
  connect,
  createDataSource,
  type DatabaseOptions,
  DatabaseSettings,
  pendingMigrations,
  revertMigration,
  runMigrations,
} from '@qa-pms/database';
import { Configuration, createRootLogger, logFor, processEnvironment, type ServiceDefinition } from '@qa-pms/platform';
import { CliError, EXIT_CODES } from './errors.js';

/** `qa-pms migrate run|status|revert`. */
export async function migrate(
  action: 'run' | 'status' | 'revert',
  service: string | null,
  file: string | null,
): Promise<void> {
  const withDatabase = SERVICES.filter(({ database }) => database !== undefined);
  const chosen = service === null ? withDatabase : withDatabase.filter(({ name }) => name === service);
  if (chosen.length === 0) {
    throw new CliError(
      `No service ${String(service)} with a database: ${withDatabase.map(({ name }) => name).join(', ')}.`,
      EXIT_CODES.usage,
    );
  }
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const settings = configuration.read(DatabaseSettings);
  for (const one of chosen) process.stdout.write(`${one.name}: ${await migrateOne(action, one, settings)}\n`);
}

async function migrateOne(
  action: 'run' | 'status' | 'revert',
  { database, name }: ServiceDefinition,
  settings: DatabaseSettings,
): Promise<string> {
  const options = database as DatabaseOptions;
  const log = logFor(createRootLogger({ level: 'error', format: 'json' }), name);
  const dataSource = createDataSource(
    options,
    Object.assign(new DatabaseSettings(), settings, { poolMin: 0, poolMax: 2 }),
    log,
  );
  await connect(dataSource, log);
  try {
    if (action === 'run') {
      const applied = await runMigrations(dataSource, options.schema);
      return applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`;
    }
    if (action === 'revert') return `reverted ${(await revertMigration(dataSource, options.schema)) ?? 'nothing'}`;
    const pending = await pendingMigrations(dataSource, options.schema);
    return pending.length === 0 ? 'up to date' : `pending ${pending.join(', ')}`;
  } finally {
    await dataSource.destroy();
  }
}

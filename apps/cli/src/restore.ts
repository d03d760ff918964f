import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkDump,
  connectedServices,
  type DatabaseSettings,
  type DumpedSchema,
  existingSchemas,
  loadSchemas,
  type LoadTarget,
  upTo,
  knownMigrations,
} from '@qa-pms/database';
import { Keyring, makeFolder } from '@qa-pms/platform';
import { extract } from 'tar';
import { FORMAT_VERSION, type Manifest, SECRET_FILES } from './backup.js';
import {
  type InstallationDatabase,
  type ServiceWithDatabase,
  servicesWithDatabase,
  withDatabase,
  withDataSource,
} from './database.js';
import { CliError, EXIT_CODES } from './errors.js';
import { masterKeys } from './master-key.js';
import type { Context } from './output.js';

/** Entries that an archive may have; what else it holds is left in it. */
const ENTRY = /^(manifest\.json|secrets\/[\w.-]+|[a-z_]+\/[\w.-]+\.copy)$/;

/** `qa-pms restore <file>`: checks all of it first, then loads it in one transaction. */
export async function restore(
  path: string,
  { force = false }: { force?: boolean },
  { file, output }: Context,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-restore-'));
  try {
    const manifest = await unpack(path, folder);
    const chosen = targets(manifest);
    await withDatabase(
      file,
      async (database) => {
        await refuseUnlessReady(database, manifest, folder, force, chosen);
        const progress = output.progress('restore');
        await withTargets(chosen, database.settings, (loading) => loadSchemas(loading, folder, progress.at));
        progress.done();
        await restoreSecrets(manifest, folder, database.dataDir);
      },
      { make: true },
    );
    const rows = manifest.schemas.flatMap(({ tables }) => tables).reduce((sum, one) => sum + one.rows, 0);
    const answer = {
      file: path,
      takenAt: manifest.takenAt,
      schemas: manifest.schemas.map(({ schema }) => schema),
      rows,
    };
    await output.print(
      answer,
      () => `restored ${String(rows)} rows as of ${manifest.takenAt}: ${answer.schemas.join(', ')}`,
    );
  } finally {
    // After a fault the unpacking may still write a file.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function unpack(path: string, folder: string): Promise<Manifest> {
  if (!existsSync(path)) throw new CliError(`${path} does not exist.`, EXIT_CODES.usage);
  const damaged = (reason: string): CliError =>
    new CliError(`${path} is damaged, or no backup (${reason}): nothing was changed. Take another backup.`);
  let manifest: Manifest;
  try {
    await extract({ file: path, cwd: folder, strict: true, filter: (name) => ENTRY.test(name) });
    manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  } catch (error) {
    throw damaged((error as Error).message);
  }
  if ((manifest as { format?: string }).format !== 'qa-pms-backup') throw damaged('its manifest is of something else');
  if (manifest.formatVersion > FORMAT_VERSION)
    throw new CliError(`${path} was written by a newer version (${manifest.product}): restore it with that one.`);
  await checkDump(manifest, folder).catch((error: unknown) => {
    throw damaged((error as Error).message);
  });
  return manifest;
}

/** Each schema of the backup with its service, whose migrations must all be known here. */
function targets({ schemas, product }: Manifest): { service: ServiceWithDatabase; dumped: DumpedSchema }[] {
  return schemas.map((dumped) => {
    const service = servicesWithDatabase().find(({ database }) => database.schema === dumped.schema);
    const newer = new CliError(`The backup was written by a newer version (${product}): restore it with that one.`);
    if (!service) throw newer;
    const known = knownMigrations(service.database);
    if (dumped.migrations.some((name) => !known.includes(name))) throw newer;
    return { service, dumped };
  });
}

async function refuseUnlessReady(
  { configuration, state, dataDir, settings }: InstallationDatabase,
  manifest: Manifest,
  folder: string,
  force: boolean,
  chosen: { service: ServiceWithDatabase }[],
): Promise<void> {
  const stop = 'Stop the services first: what they know of the old data would be written over the new.';
  if (state === 'running') throw new CliError(`The database of ${dataDir} is in use. ${stop}`);
  const names = chosen.map(({ service }) => service.database.schema);
  const [existing, services] = await withDataSource(chosen[0]!.service, settings, async (dataSource) => [
    await existingSchemas(dataSource, names),
    await connectedServices(dataSource),
  ]);
  if (services > 0) throw new CliError(`${String(services)} connections of services are open. ${stop}`);
  if (existing.length > 0 && !force)
    throw new CliError(`The database holds data (${existing.join(', ')}): --force removes it for that of the backup.`);
  const kept = manifest.secrets.includes('master.key')
    ? new Keyring((await readFile(join(folder, 'secrets/master.key'), 'utf8')).trim()).ids
    : [];
  const known = (await masterKeys(configuration, dataDir)) ?? kept;
  const unknown = manifest.masterKeys.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    const ours = known.length === 0 ? 'none is here' : `ours: ${known.join(', ')}`;
    throw new CliError(
      `The backup needs master key ${unknown.join(', ')} (${ours}): ` +
        `put the master.key of the old data folder into ${dataDir}, or set ENCRYPTION_KEY.`,
      EXIT_CODES.configuration,
    );
  }
}

/** What the data folder has already stays. */
async function restoreSecrets({ secrets }: Manifest, folder: string, dataDir: string): Promise<void> {
  makeFolder(dataDir, 0o700);
  for (const name of secrets.filter((one) => SECRET_FILES.includes(one))) {
    if (!existsSync(join(dataDir, name))) await copyFile(join(folder, 'secrets', name), join(dataDir, name));
  }
}

/** Opens a data source for each, all at once: they are loaded in one transaction. */
async function withTargets(
  chosen: { service: ServiceWithDatabase; dumped: DumpedSchema }[],
  settings: DatabaseSettings,
  work: (loading: LoadTarget[]) => Promise<void>,
  opened: LoadTarget[] = [],
): Promise<void> {
  const [next, ...rest] = chosen;
  if (!next) return work(opened);
  const { service, dumped } = next;
  await withDataSource(
    { ...service, database: upTo(service.database, dumped.migrations) },
    settings,
    (dataSource) => withTargets(rest, settings, work, [...opened, { dataSource, dumped }]),
    { pipeline: false },
  );
}

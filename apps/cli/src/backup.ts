import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { borrowed, type Dump, dumpSchemas } from '@qa-pms/database';
import { VERSION } from '@qa-pms/platform';
import { create } from 'tar';
import { servicesWithDatabase, withDatabase, withDataSource } from './database.js';
import { CliError, EXIT_CODES } from './errors.js';
import { neededKeys } from './master-key.js';
import { type Context, table } from './output.js';

/** The form of the archive; raised where an older version of the product could not read it. */
export const FORMAT_VERSION = 1;

/** Files of the data folder that `--with-secrets` adds. */
export const SECRET_FILES = ['master.key', 'demo-users.json'];

/** `manifest.json` of a backup. */
export interface Manifest extends Dump {
  format: 'qa-pms-backup';
  formatVersion: number;
  /** Version of the product that wrote it. */
  product: string;
  /** Names of the master keys that open the encrypted values in it. */
  masterKeys: string[];
  /** Which of SECRET_FILES are in it. */
  secrets: string[];
}

/** `qa-pms backup [file]`: the data of all services at one moment, while they run. */
export async function backup(
  wanted: string | undefined,
  { force = false, withSecrets = false }: { force?: boolean; withSecrets?: boolean },
  { file, output }: Context,
): Promise<void> {
  const path = resolve(wanted ?? `qa-pms-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.tar.gz`);
  if (existsSync(path) && !force)
    throw new CliError(`${path} exists: name another file, or --force to replace it.`, EXIT_CODES.usage);
  const folder = await workFolder(path);
  try {
    const manifest = await withDatabase(file, async ({ settings, dataDir }) => {
      const services = servicesWithDatabase();
      const progress = output.progress('backup');
      const dump = await withDataSource(
        services[0]!,
        settings,
        (dataSource) =>
          borrowed(dataSource, (client) =>
            dumpSchemas(
              client,
              services.map(({ database }) => database.schema),
              folder,
              progress.at,
            ),
          ),
        { pipeline: false },
      );
      progress.done();
      if (dump.schemas.length === 0)
        throw new CliError('The database has no tables of ours: there is nothing to back up.');
      const secrets = withSecrets ? await copySecrets(dataDir, folder) : [];
      return { ...facts(await neededKeys(settings), secrets), ...dump };
    });
    await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    const files = ['manifest.json', ...manifest.secrets.map((name) => `secrets/${name}`)];
    for (const { tables } of manifest.schemas) files.push(...tables.map((one) => one.file));
    await create({ file: join(folder, 'archive'), gzip: true, portable: true, strict: true, cwd: folder }, files);
    await chmod(join(folder, 'archive'), 0o600);
    await rename(join(folder, 'archive'), path);
    await report(path, manifest, output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(path: string, manifest: Manifest, output: Context['output']): Promise<void> {
  const { size } = await stat(path);
  const schemas = manifest.schemas.map(({ schema, tables }) => ({
    schema,
    tables: tables.length,
    rows: tables.reduce((sum, one) => sum + one.rows, 0),
  }));
  const { takenAt, postgres, masterKeys, secrets } = manifest;
  await output.print({ file: path, bytes: size, takenAt, postgres, masterKeys, secrets, schemas }, () =>
    [
      table(
        ['schema', 'tables', 'rows'],
        schemas.map((one) => [one.schema, String(one.tables), String(one.rows)]),
      ),
      `${path}: ${(size / 1e6).toFixed(1)} MB, as of ${takenAt}`,
      secrets.length > 0
        ? `It holds ${secrets.join(' and ')}: keep it as you keep those.`
        : `Keep master key ${masterKeys.join(', ')} as well, and apart: it opens the encrypted values.`,
    ].join('\n'),
  );
}

/** On the file system of the result: it is renamed when it is whole. */
async function workFolder(path: string): Promise<string> {
  try {
    return await mkdtemp(`${path}.unfinished-`);
  } catch (error) {
    throw new CliError(`${dirname(path)} cannot be written (${(error as Error).message}): name another file.`);
  }
}

function facts(masterKeys: string[], secrets: string[]) {
  return { format: 'qa-pms-backup' as const, formatVersion: FORMAT_VERSION, product: VERSION, masterKeys, secrets };
}

async function copySecrets(dataDir: string, folder: string): Promise<string[]> {
  const found = SECRET_FILES.filter((name) => existsSync(join(dataDir, name)));
  await mkdir(join(folder, 'secrets'));
  for (const name of found) await copyFile(join(dataDir, name), join(folder, 'secrets', name));
  return found;
}

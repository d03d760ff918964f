import { text } from 'node:stream/consumers';
import { AllInOneSettings, keptMasterKey, provideForAllInOne, SERVICES } from '@qa-pms/all-in-one';
import {
  Configuration,
  environmentName,
  type Keyring,
  processEnvironment,
  rotateFile,
  type SettingEntry,
  type SettingsClass,
  settingsClassesOf,
} from '@qa-pms/platform';
import { knownSettings, settingsJsonSchema } from '@qa-pms/platform/reference';
import { CliError, EXIT_CODES } from './errors.js';
import type { Context } from './output.js';

const CLASSES: SettingsClass[] = [AllInOneSettings, ...settingsClassesOf(SERVICES)];

/** The configuration as `serve` would have it, or, where there is a Kafka, as the services would. */
async function load(file: string | null): Promise<Configuration> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  if (!configuration.has('kafka.brokers')) await provideForAllInOne(configuration);
  return configuration;
}

/** The path of the file, where there is one. Throws SettingsError with every fault of every service's configuration. */
export async function checkConfigured(file: string | null): Promise<string | null> {
  const configuration = await load(file);
  configuration.check(CLASSES);
  return configuration.path;
}

/** `qa-pms config validate`. */
export async function validate({ file, output }: Context): Promise<void> {
  const path = await checkConfigured(file);
  await output.print({ valid: true, file: path }, () => `valid: ${path ?? 'no file, the environment alone'}`);
}

/** `qa-pms config show`. */
export async function show({ file, output }: Context): Promise<void> {
  const settings = (await load(file)).inForce(CLASSES);
  const unique = [...new Map(settings.map((one) => [one.entry.key, one])).values()];
  const data = Object.fromEntries(
    unique.map(({ entry, value, origin }) => [entry.key, { value, environment: environmentName(entry.key), origin }]),
  );
  const width = Math.max(...unique.map(({ entry }) => entry.key.length));
  await output.print(data, () =>
    unique.map(({ entry, value, origin }) => `${entry.key.padEnd(width)}  ${valueText(value)}  (${origin})`).join('\n'),
  );
}

/** `qa-pms config schema`: JSON, unless YAML is asked for. */
export async function schema({ output }: Context): Promise<void> {
  const made = settingsJsonSchema(knownSettings());
  await output.print(made, () => JSON.stringify(made, null, 2));
}

function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : value === '' ? '""' : String(value);
}

/** `qa-pms config encrypt <key>`: prints the secret of standard input as the value for that key. */
export async function encrypt(key: string, { file, output }: Context): Promise<void> {
  const path = key.replaceAll(/\[\d+\]/g, '');
  if (!secretKeys(knownSettings()).includes(path)) {
    const secrets = secretKeys(knownSettings()).join(', ');
    throw new CliError(`${key} is not the key of a secret. Those are: ${secrets}.`, EXIT_CODES.usage);
  }
  const keys = await keyring(file);
  if (process.stdin.isTTY) process.stderr.write('Secret, then Ctrl+D: ');
  const secret = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (secret === '') throw new CliError('Give the secret on standard input.', EXIT_CODES.usage);
  const value = keys.encrypt(secret, path);
  await output.print({ value }, () => value);
}

/** Keys of values that may be encrypted: all secrets but the master keys themselves. */
function secretKeys(entries: readonly SettingEntry[], prefix = ''): string[] {
  return entries.flatMap(({ key, secret, items }) => [
    ...(secret && !key.startsWith('encryption.') ? [`${prefix}${key}`] : []),
    ...secretKeys(items ?? [], `${prefix}${key}.`),
  ]);
}

/** `qa-pms keys rotate`. */
export async function rotate({ file, output }: Context): Promise<void> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const { path } = configuration;
  if (path === null) throw new CliError('There is no configuration file: name it with --config.', EXIT_CODES.usage);
  const { rotated, current } = rotateFile(path, await keyring(file));
  await output.print(
    { file: path, rotated, current },
    () => `${path}: ${String(rotated)} encrypted anew, ${String(current)} were up to date`,
  );
}

/** The keys of the configuration; where it gives none, the master key of the data folder. */
async function keyring(file: string | null): Promise<Keyring> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const { dataDir } = configuration.peek(AllInOneSettings);
  const kept = await keptMasterKey(dataDir);
  if (kept !== null) configuration.provide({ ENCRYPTION_KEY: kept }, `${dataDir}/master.key`);
  try {
    return configuration.keyring();
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT_CODES.configuration);
  }
}

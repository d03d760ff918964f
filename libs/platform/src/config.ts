import 'reflect-metadata';

/** What stands beside a setting: all that its reader needs. */
export interface SettingOptions {
  /** Key as in a configuration file; the environment variable is it in capitals with `_` for `.`. */
  key: string;
  /** Meaning, with the unit. */
  description: string;
  example: string;
  /** Never shown or logged. */
  secret?: boolean;
  /** May be left empty. Settings without a default that are not optional stop the start. */
  optional?: boolean;
  /** The only legal values. */
  values?: readonly string[];
  /** Smallest legal number; 0 unless said. */
  min?: number;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor without required arguments
export type SettingsClass<T extends object = object> = new (...args: any[]) => T;

const SETTINGS = Symbol('settings');

/** A field of a settings class; its type follows its default value (string, number or boolean). */
export function Setting(options: SettingOptions): PropertyDecorator {
  return (target, property) => {
    const own =
      (Reflect.getOwnMetadata(SETTINGS, target) as Map<string | symbol, SettingOptions> | undefined) ??
      new Map<string | symbol, SettingOptions>();
    own.set(property, options);
    Reflect.defineMetadata(SETTINGS, own, target);
  };
}

/** All settings of a class, in their order. */
export function settingsOf(settings: SettingsClass): [property: string, options: SettingOptions][] {
  const found = Reflect.getMetadata(SETTINGS, settings.prototype as object) as Map<string, SettingOptions> | undefined;
  return [...(found ?? [])];
}

/** The environment variable of a setting. */
export function environmentName(key: string): string {
  return key.toUpperCase().replaceAll('.', '_');
}

export type Environment = Record<string, string | undefined>;

/** The one place where the process's environment is read. */
export function processEnvironment(): Environment {
  return { ...process.env };
}

/** Settings that are wrong, all at once, each with its place, its fault and an example. */
export class SettingsError extends Error {
  constructor(readonly problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** Reads settings classes from an environment. Throws SettingsError with every fault. */
export function readSettings<T extends object>(settings: SettingsClass<T>, environment: Environment): T;
export function readSettings(settings: SettingsClass[], environment: Environment): object[];
export function readSettings(settings: SettingsClass | SettingsClass[], environment: Environment): object | object[] {
  const problems: string[] = [];
  const read = (one: SettingsClass) => readOne(one, environment, problems);
  const result = Array.isArray(settings) ? settings.map(read) : read(settings);
  if (problems.length > 0) throw new SettingsError(problems);
  return result;
}

function readOne(settings: SettingsClass, environment: Environment, problems: string[]): object {
  const instance = new settings() as Record<string, unknown>;
  for (const [property, options] of settingsOf(settings)) {
    const name = environmentName(options.key);
    const given = environment[name];
    const fallback = instance[property];
    if (given === undefined || given === '') {
      if ((fallback === undefined || fallback === '') && !options.optional) {
        problems.push(`${name} is missing: ${options.description} Example: ${name}=${options.example}`);
      }
      continue;
    }
    const problem = (what: string) => {
      const shown = options.secret ? 'its value' : `"${given}"`;
      problems.push(`${name}: ${shown} ${what}. ${options.description} Example: ${name}=${options.example}`);
    };
    if (typeof fallback === 'number') {
      const number = Number(given);
      if (!Number.isFinite(number)) problem('is not a number');
      else if (number < (options.min ?? 0)) problem(`is below ${String(options.min ?? 0)}`);
      else instance[property] = number;
    } else if (typeof fallback === 'boolean') {
      if (given === 'true' || given === '1') instance[property] = true;
      else if (given === 'false' || given === '0') instance[property] = false;
      else problem('is neither true nor false');
    } else if (options.values && !options.values.includes(given)) {
      problem(`is not one of ${options.values.join(', ')}`);
    } else {
      instance[property] = given;
    }
  }
  return instance;
}

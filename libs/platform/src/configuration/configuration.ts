import { resolve } from 'node:path';
import { Keyring } from '../secrets.js';
import { ConfigFile, configFilePath } from './config-file.js';
import type { Environment } from './environment.js';
import { knownSettings } from './known-settings.js';
import { type CheckedSettings, environmentName, type SettingEntry, type SettingsClass, settingsOf } from './setting.js';
import { SettingsError, type SettingProblem } from './settings-error.js';
import { contentOf, type Found, findValue, type Sources } from './sources.js';
import { readValue, shownValue } from './values.js';
import { parseYaml, parseYamlInWorker, type YamlNode } from './yaml.js';

export interface ConfigurationOptions {
  environment: Environment;
  /** The file that the command line names; without one CONFIG_FILE, else ./qa-pms.yaml where it exists. */
  file?: string | null;
}

/** What a reload changed. */
export interface Reloaded {
  /** Keys whose new values hold from now on. */
  applied: string[];
  /** Keys that have new values, which hold after a restart only. */
  needRestart: string[];
}

/** A setting as it is in force. */
export interface SettingInForce {
  entry: SettingEntry;
  /** Secrets are masked. */
  value: unknown;
  /** `default`, the name of a variable, `file:line:column`, or what the program provided it from. */
  origin: string;
}

/**
 * The settings of a process: defaults, then the YAML file, then the environment, where `<NAME>_FILE` gives the content
 * of a file. One instance of each settings class, which a reload changes in place.
 */
export class Configuration {
  private readonly instances = new Map<SettingsClass, object>();
  private readonly listeners: (() => void)[] = [];
  private readonly provided = new Map<string, { value: string; origin: string }>();

  private constructor(
    private readonly options: ConfigurationOptions,
    private file: ConfigFile | null,
  ) {}

  /** Without a file. */
  static fromEnvironment(environment: Environment): Configuration {
    return new Configuration({ environment }, null);
  }

  /** With the file, where there is one. What is wrong with it is told when settings are read. */
  static async load(options: ConfigurationOptions): Promise<Configuration> {
    const path = configFilePath(options.file ?? null, options.environment);
    return new Configuration(options, path === null ? null : await ConfigFile.read(path, parseYaml));
  }

  /** The path of the file; null where there is none. */
  get path(): string | null {
    return this.file?.path ?? null;
  }

  /** Values by the names of their variables that hold where nothing else is given; `origin` says where from. */
  provide(values: Record<string, string>, origin: string): void {
    for (const [name, value] of Object.entries(values)) this.provided.set(name, { value, origin });
  }

  /** Whether a setting is given by anything but its default. */
  has(key: string): boolean {
    const entry = [...knownSettings(), ...this.entries([])].find((one) => one.key === key);
    return entry !== undefined && findValue(entry, this.sources([]), () => undefined) !== null;
  }

  /** Throws SettingsError with every fault of the file and of these classes' values. */
  check(classes: readonly SettingsClass[]): void {
    this.build(classes);
  }

  /** The values of a class; always the same instance. Throws SettingsError with every fault. */
  read<T extends object>(settings: SettingsClass<T>): T {
    const known = this.instances.get(settings);
    if (known) return known as T;
    const instance = this.build([settings]).get(settings) as T;
    this.instances.set(settings, instance);
    return instance;
  }

  /** The values of a class as far as they are right, with defaults for the others. */
  peek<T extends object>(settings: SettingsClass<T>): T {
    return this.evaluate([settings]).values.get(settings) as T;
  }

  /** Every setting of these classes. Throws SettingsError as `read` does. */
  inForce(classes: readonly SettingsClass[]): SettingInForce[] {
    const values = this.build(classes);
    const sources = this.sources(classes);
    return classes.flatMap((settings) =>
      settingsOf(settings).map((setting) => ({
        entry: setting.entry,
        value: shownValue(setting, (values.get(settings) as Record<string, unknown>)[setting.property]),
        origin: findValue(setting.entry, sources, () => undefined)?.origin ?? 'default',
      })),
    );
  }

  /** The keys of this configuration. Throws where there is no master key, or a wrong one. */
  keyring(): Keyring {
    const sources = this.sources([]);
    const text = (key: string, kind: 'text' | 'list'): string[] => {
      const found = findValue({ key, kind, description: '', example: '' }, sources, () => undefined);
      if (!found) return [];
      const nodes = found.node.kind === 'list' ? found.node.items : [found.node];
      return nodes.map((node) => (node.kind === 'text' ? node.text : ''));
    };
    const [key] = text('encryption.key', 'text');
    if (key === undefined) throw new Error('There is no master key: set ENCRYPTION_KEY.');
    return new Keyring(key, text('encryption.previous_keys', 'list'));
  }

  /** Called after each reload, whatever changed: the content of files may have. */
  onReload(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Reads everything again. Throws SettingsError, and changes nothing, where anything is wrong. */
  async reload(): Promise<Reloaded> {
    // A file that was there and is gone is a fault, not a wish for defaults.
    const path = this.path ?? configFilePath(this.options.file ?? null, this.options.environment);
    const fresh = new Configuration(
      this.options,
      path === null ? null : await ConfigFile.read(path, parseYamlInWorker),
    );
    for (const [name, own] of this.provided) fresh.provided.set(name, own);
    const values = fresh.build([...this.instances.keys()]);
    const applied = new Set<string>();
    const needRestart = new Set<string>();
    for (const [settings, instance] of this.instances) {
      const now = instance as Record<string, unknown>;
      const next = values.get(settings) as Record<string, unknown>;
      for (const { property, entry } of settingsOf(settings)) {
        if (JSON.stringify(now[property]) === JSON.stringify(next[property])) continue;
        (entry.reloadable ? applied : needRestart).add(entry.key);
        if (entry.reloadable) now[property] = next[property];
      }
    }
    this.file = fresh.file;
    for (const listener of this.listeners) listener();
    return { applied: [...applied], needRestart: [...needRestart] };
  }

  private build(classes: readonly SettingsClass[]): Map<SettingsClass, object> {
    const { values, problems } = this.evaluate(classes);
    // Two classes may read the same setting.
    const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
    if (unique.size > 0) throw new SettingsError([...unique.values()]);
    return values;
  }

  private entries(classes: readonly SettingsClass[]): SettingEntry[] {
    const all = new Set([...this.instances.keys(), ...classes]);
    return [...all].flatMap((settings) => settingsOf(settings).map(({ entry }) => entry));
  }

  private sources(classes: readonly SettingsClass[], problems: SettingProblem[] = []): Sources {
    const { file, provided } = this;
    const flat = file?.flatten([...knownSettings(), ...this.entries(classes)]);
    problems.push(...(flat?.problems ?? []));
    const { environment } = this.options;
    return { environment, file, fileValues: flat?.values ?? new Map<string, YamlNode>(), provided };
  }

  private evaluate(classes: readonly SettingsClass[]): {
    values: Map<SettingsClass, object>;
    problems: SettingProblem[];
  } {
    const problems: SettingProblem[] = [];
    const sources = this.sources(classes, problems);
    let keys: Keyring | null = null;
    const decrypt = (value: string, path: string): string => {
      try {
        keys ??= this.keyring();
        return keys.decrypt(value, path);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`cannot be decrypted: ${reason.replace(/\.$/, '')}`, { cause: error });
      }
    };
    const values = new Map<SettingsClass, object>();
    for (const settings of new Set(classes)) {
      const instance = new settings() as Record<string, unknown>;
      const places = new Map<string, string>();
      const before = problems.length;
      for (const setting of settingsOf(settings)) {
        const { entry, property } = setting;
        const found = findValue(entry, sources, (problem) => problems.push({ ...problem, hint: hint(entry, null) }));
        if (!found) {
          const reported = problems.slice(before).some(({ key }) => key === entry.key);
          if (entry.required && this.file?.legible !== false && !reported) problems.push(missing(entry));
          continue;
        }
        places.set(entry.key, found.origin);
        const value = readValue(setting, found.node, entry.key, {
          place: found.place,
          decrypt,
          content: (path, entry, name) => contentOf(resolve(found.folder, path), entry, name),
          report: (key, node, problem, wrong) =>
            problems.push({ key, place: found.place(node), problem, ...(wrong && { hint: hint(wrong, found) }) }),
        });
        if (value !== null) instance[property] = value;
      }
      // In a file that is not legible may stand what seems to be missing.
      if (this.file?.legible !== false && isChecked(instance)) {
        const wrong = problems.map(({ key }) => key);
        instance.check((key, problem, ...others) => {
          if ([key, ...others].some((one) => wrong.some((path) => isWithin(path, one)))) return;
          problems.push({ key, place: places.get(key) ?? environmentName(key), problem });
        });
      }
      values.set(settings, instance);
    }
    return { values, problems };
  }
}

/** Whether a path is that of a setting, or of a member of it. */
function isWithin(path: string, key: string): boolean {
  return path === key || path.startsWith(`${key}[`) || path.startsWith(`${key}.`);
}

function isChecked(instance: object): instance is CheckedSettings {
  return typeof (instance as { check?: unknown }).check === 'function';
}

function missing(entry: SettingEntry): SettingProblem {
  return { key: entry.key, place: environmentName(entry.key), problem: 'is missing', hint: hint(entry, null) };
}

/** Meaning and an example, as the source at hand writes it. */
function hint({ key, kind, description, example }: SettingEntry, found: Found | null): string {
  if (found === null || !/:\d+:\d+$/.test(found.origin)) {
    return `${description} Example: ${environmentName(key)}=${example}`;
  }
  const value = kind === 'list' && !example.startsWith('[') ? `[${example.replaceAll(',', ', ')}]` : example;
  return `${description} Example: ${key.split('.').at(-1) ?? ''}: ${value}`;
}

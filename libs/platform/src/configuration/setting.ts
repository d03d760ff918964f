import 'reflect-metadata';

/** What stands beside a setting: all that its reader needs. */
export interface SettingOptions {
  /** Path in the configuration file; the environment variable is it in capitals with `_` for `.`. */
  key: string;
  /** Meaning, with the unit. */
  description: string;
  example: string;
  /** Never shown or logged. */
  secret?: boolean;
  /** May be left empty. Settings without a default that are not optional stop the start. */
  optional?: boolean;
  /** The only legal values: of the text, or of each member of a list or map. */
  values?: readonly string[];
  /** Smallest legal number; 0 unless said. */
  min?: number;
  /** Largest legal number. */
  max?: number;
  /** Whether a number may have decimals. */
  fraction?: boolean;
  /** Takes effect on SIGHUP: its reader looks at the settings each time, or is told by Configuration.onReload. */
  reloadable?: boolean;
  /** The class of each member of a list of sections. */
  items?: SettingsClass;
  /** Says what is wrong with a text (of a list: with a member), as the end of a sentence; null where nothing is. */
  check?: (value: string) => string | null;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor without required arguments
export type SettingsClass<T extends object = object> = new (...args: any[]) => T;

/**
 * Reports a fault of the setting with this key; `problem` is the end of a sentence. Left out where this setting, or one of
 * the `others` that the fault follows from, is wrong by itself.
 */
export type ReportProblem = (key: string, problem: string, ...others: string[]) => void;

/** A settings class that also checks how its values go together. Those that are wrong by themselves have their defaults. */
export interface CheckedSettings {
  check: (report: ReportProblem) => void;
}

/** `text`, `number`, `boolean`; `list` of texts; `map` of names and texts; `sections`: a list of sections. */
export type SettingKind = 'text' | 'number' | 'boolean' | 'list' | 'map' | 'sections';

/** A setting as data: what documentation, schema and the check of keys are made from. */
export interface SettingEntry {
  key: string;
  kind: SettingKind;
  description: string;
  example: string;
  /** Left out where there is none. */
  default?: unknown;
  required?: true;
  secret?: true;
  reloadable?: true;
  values?: readonly string[];
  min?: number;
  max?: number;
  fraction?: true;
  /** The settings of each section of a list, their keys without the list's. */
  items?: SettingEntry[];
}

const SETTINGS = Symbol('settings');
type Declared = Map<string, SettingOptions>;

/**
 * A field of a settings class. Its kind follows its default value: text, number, boolean, `[]` (list of texts, or of
 * sections with `items`) or `{}` (map of texts).
 */
export function Setting(options: SettingOptions): PropertyDecorator {
  return (target, property) => {
    const inherited = Reflect.getMetadata(SETTINGS, target) as Declared | undefined;
    const own = (Reflect.getOwnMetadata(SETTINGS, target) as Declared | undefined) ?? new Map(inherited);
    own.set(String(property), options);
    Reflect.defineMetadata(SETTINGS, own, target);
  };
}

/** A setting with the field that holds it. */
export interface DeclaredSetting {
  property: string;
  entry: SettingEntry;
  options: SettingOptions;
}

/** Made once for a class: a list may hold thousands of sections of it. */
const read = new WeakMap<SettingsClass, DeclaredSetting[]>();

/** All settings of a class, in their order. */
export function settingsOf(settings: SettingsClass): DeclaredSetting[] {
  let all = read.get(settings);
  if (!all) {
    const declared = (Reflect.getMetadata(SETTINGS, settings.prototype as object) as Declared | undefined) ?? new Map();
    const defaults = new settings() as Record<string, unknown>;
    all = [...declared].map(([property, options]: [string, SettingOptions]) => ({
      property,
      options,
      entry: entryOf(options, defaults[property]),
    }));
    read.set(settings, all);
  }
  return all;
}

function entryOf(options: SettingOptions, value: unknown): SettingEntry {
  const { key, description, example, secret, optional, values, min, max, fraction, reloadable, items } = options;
  const kind = kindOf(value, items);
  const empty = value === undefined || value === '';
  return {
    key,
    kind,
    description,
    example,
    ...(empty ? !optional && { required: true as const } : { default: value }),
    ...(secret && { secret }),
    ...(reloadable && { reloadable }),
    ...(values && { values }),
    ...(kind === 'number' && { min: min ?? 0 }),
    ...(max !== undefined && { max }),
    ...(fraction && { fraction }),
    ...(items && { items: settingsOf(items).map(({ entry }) => entry) }),
  };
}

function kindOf(value: unknown, items: SettingsClass | undefined): SettingKind {
  if (items) return 'sections';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'object' && value !== null ? 'map' : 'text';
}

/** The environment variable of a setting. */
export function environmentName(key: string): string {
  return key.toUpperCase().replaceAll('.', '_');
}

import { existsSync } from 'node:fs';
import type { Environment } from './environment.js';
import { readSmallFile } from './read-file.js';
import type { SettingEntry } from './setting.js';
import type { SettingProblem } from './settings-error.js';
import { clip, didYouMean, isNothing } from './values.js';
import type { YamlDocument, YamlEntry, YamlNode } from './yaml.js';

/** Read where neither `-c` nor CONFIG_FILE names another. */
const DEFAULT_FILE = 'qa-pms.yaml';
/** Each needs a look at every known key; nobody reads more. */
const MOST_SUGGESTIONS = 100;
/** Nobody reads more, and each takes memory. */
const MOST_FAULTS = 1_000;

/** The file to read: `-c`, else CONFIG_FILE, else `qa-pms.yaml` of the working directory where it exists, else none. */
export function configFilePath(given: string | null, environment: Environment): string | null {
  return given ?? (environment['CONFIG_FILE'] || (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : null));
}

/** What a configuration file says. */
export class ConfigFile {
  private constructor(
    readonly path: string,
    /** Null where the file as a whole is refused: then only `faults` says something. */
    private readonly root: YamlNode | null,
    private readonly faults: SettingProblem[],
    /** Whether it could be read at all. */
    readonly legible: boolean,
  ) {}

  /** Reads a file; what is wrong with it is told by `flatten`. */
  static async read(
    path: string,
    parse: (source: string) => YamlDocument | Promise<YamlDocument>,
  ): Promise<ConfigFile> {
    try {
      const { root, faults } = await parse(readSmallFile(path));
      const problems = faults.map(({ line, column, problem }) => ({
        key: '',
        place: `${path}:${String(line)}:${String(column)}`,
        problem,
      }));
      return new ConfigFile(path, root, problems, root !== null || faults.length === 0);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return new ConfigFile(path, null, [{ key: '', place: path, problem }], false);
    }
  }

  place({ line, column }: { line: number; column: number }): string {
    return `${this.path}:${String(line)}:${String(column)}`;
  }

  /** The values by their keys (with `_file` where the name of a file was given), and every fault of keys and form. */
  flatten(known: SettingEntry[]): { values: Map<string, YamlNode>; problems: SettingProblem[] } {
    const problems = [...this.faults];
    const values = new Map<string, YamlNode>();
    const keys = known.map(({ key }) => key);
    const settings = new Set(keys);
    const sections = new Set(keys.flatMap((key) => [...key.matchAll(/\./g)].map(({ index }) => key.slice(0, index))));
    const report = (at: { line: number; column: number }, key: string, problem: string): void => {
      if (problems.length < MOST_FAULTS) problems.push({ key: clip(key), place: this.place(at), problem });
    };
    let suggestions = 0;
    const unknown = (entry: YamlEntry, key: string): void => {
      suggestions += 1;
      report(entry, key, `is not known${suggestions > MOST_SUGGESTIONS ? '' : suggestion(entry.name, key, keys)}`);
    };
    const visit = (entries: YamlEntry[], prefix: string): void => {
      for (const entry of entries) {
        const { name, value } = entry;
        const key = `${prefix}${name}`;
        if (settings.has(key) || (key.endsWith('_file') && settings.has(key.slice(0, -'_file'.length)))) {
          values.set(key, value);
        } else if (!sections.has(key)) unknown(entry, key);
        else if (value.kind === 'map') visit(value.entries, `${key}.`);
        else if (!isNothing(value)) {
          const inside = keys.filter((one) => one.startsWith(`${key}.`)).map((one) => one.slice(key.length + 1));
          report(value, key, `is a section of ${inside.slice(0, 3).join(', ')} …, not a value`);
        }
      }
    };
    if (this.root?.kind === 'map') visit(this.root.entries, '');
    else if (this.root && !isNothing(this.root)) report(this.root, '', 'the file is to be a map of sections');
    return { values, problems };
  }
}

/** A key near by, else the place of a known key that ends in this one. */
function suggestion(name: string, key: string, keys: string[]): string {
  const near = didYouMean(key, keys) || didYouMean(key, [...new Set(keys.map((one) => one.split('.')[0] ?? ''))]);
  if (near !== '') return near;
  const elsewhere = keys.find((one) => one.endsWith(`.${name}`));
  return elsewhere === undefined ? '' : `; did you mean ${elsewhere}?`;
}

import { dirname, resolve } from 'node:path';
import type { ConfigFile } from './config-file.js';
import type { Environment } from './environment.js';
import { readSmallFile } from './read-file.js';
import { environmentName, type SettingEntry } from './setting.js';
import type { SettingProblem } from './settings-error.js';
import { isNothing } from './values.js';
import { parseYaml, type YamlNode } from './yaml.js';

/** A value that was found for a setting. */
export interface Found {
  node: YamlNode;
  /** Where it came from: a variable's name, `file:line:column`, or what provided it. */
  origin: string;
  /** Place of a part of it. */
  place: (node: YamlNode) => string;
}

/** Where values come from, in the order in which they win: environment, file, what the program provides. */
export interface Sources {
  environment: Environment;
  file: ConfigFile | null;
  /** What the file says, by key. */
  fileValues: Map<string, YamlNode>;
  /** Values by the names of their variables that the program brings itself, each with a word for where from. */
  provided: ReadonlyMap<string, { value: string; origin: string }>;
}

/** The value of a setting from the source that wins; null where nothing gives one. What is wrong is reported. */
export function findValue(
  entry: SettingEntry,
  sources: Sources,
  report: (problem: SettingProblem) => void,
): Found | null {
  const { key } = entry;
  const name = environmentName(key);
  const { environment, file, fileValues, provided } = sources;

  const said = (origin: string, text: string): Found | null => {
    const { node, fault } = nodeOf(text, entry);
    if (fault !== null) report({ key, place: origin, problem: fault });
    return node && { node, origin, place: () => origin };
  };
  /** The content of a file, without the newline that editors put at its end. */
  const content = (origin: string, path: string): Found | null => {
    try {
      return said(origin, readSmallFile(path).replace(/\r?\n$/, ''));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report({ key, place: origin, problem: `names the file ${path}, which ${reason}` });
      return null;
    }
  };

  const variable = environment[name] || undefined;
  const variableFile = environment[`${name}_FILE`] || undefined;
  if (variable !== undefined && variableFile !== undefined) {
    report({ key, place: name, problem: `and ${name}_FILE are both set: unset one of them` });
  }
  if (variable !== undefined) return said(name, variable);
  if (variableFile !== undefined) return content(`${name}_FILE`, variableFile);

  const inFile = given(fileValues.get(key));
  const contentInFile = given(fileValues.get(`${key}_file`));
  if (file && inFile && contentInFile) {
    const problem = `and ${key}_file are both given: remove one of them`;
    report({ key, place: file.place(contentInFile), problem });
  }
  if (file && inFile) return { node: inFile, origin: file.place(inFile), place: (node) => file.place(node) };
  if (file && contentInFile) {
    const origin = file.place(contentInFile);
    if (contentInFile.kind === 'text') return content(origin, resolve(dirname(file.path), contentInFile.text));
    report({ key: `${key}_file`, place: origin, problem: 'is to be the path of a file' });
    return null;
  }
  const own = provided.get(name);
  return own === undefined ? null : said(own.origin, own.value);
}

function given(node: YamlNode | undefined): YamlNode | null {
  return node && !isNothing(node) ? node : null;
}

/** A text of the environment as what its setting takes: lists with commas or as JSON, which is YAML too. */
function nodeOf(text: string, { kind }: SettingEntry): { node: YamlNode | null; fault: string | null } {
  const plain = (value: string): YamlNode => {
    return { kind: 'text', text: value, plain: false, start: -1, end: -1, indent: -1, line: 1, column: 1 };
  };
  if (kind === 'list' && !text.trimStart().startsWith('[')) {
    const items = text.split(',').map((one) => one.trim());
    return {
      node: { kind: 'list', line: 1, column: 1, items: items.filter((one) => one !== '').map(plain) },
      fault: null,
    };
  }
  if (kind !== 'list' && kind !== 'map' && kind !== 'sections') return { node: plain(text), fault: null };
  const { root, faults } = parseYaml(text);
  const [first] = faults;
  return { node: first ? null : root, fault: first ? `is not legible as JSON (column ${String(first.column)})` : null };
}

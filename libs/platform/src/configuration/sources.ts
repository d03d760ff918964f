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
  /** Where relative paths in it begin. */
  folder: string;
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

  const said = (origin: string, read: () => YamlNode | null, folder = '.'): Found | null => {
    try {
      const node = read();
      return node && { node, origin, place: () => origin, folder };
    } catch (error) {
      report({ key, place: origin, problem: error instanceof Error ? error.message : String(error) });
      return null;
    }
  };
  const content = (origin: string, path: string): Found | null =>
    said(origin, () => contentOf(path, entry), dirname(path));

  const variable = environment[name] || undefined;
  const variableFile = environment[`${name}_FILE`] || undefined;
  if (variable !== undefined && variableFile !== undefined) {
    report({ key, place: name, problem: `and ${name}_FILE are both set: unset one of them` });
  }
  if (variable !== undefined) return said(name, () => nodeOf(variable, entry));
  if (variableFile !== undefined) return content(`${name}_FILE`, variableFile);

  const inFile = given(fileValues.get(key));
  const contentInFile = given(fileValues.get(`${key}_file`));
  if (file && inFile && contentInFile) {
    const problem = `and ${key}_file are both given: remove one of them`;
    report({ key, place: file.place(contentInFile), problem });
  }
  if (file && inFile) {
    return { node: inFile, origin: file.place(inFile), place: (node) => file.place(node), folder: dirname(file.path) };
  }
  if (file && contentInFile) {
    const origin = file.place(contentInFile);
    if (contentInFile.kind === 'text') return content(origin, resolve(dirname(file.path), contentInFile.text));
    report({ key: `${key}_file`, place: origin, problem: 'is to be the path of a file' });
    return null;
  }
  const own = provided.get(name);
  return own === undefined ? null : said(own.origin, () => nodeOf(own.value, entry));
}

function given(node: YamlNode | undefined): YamlNode | null {
  return node && !isNothing(node) ? node : null;
}

/** For what stands in no YAML file. */
const NOWHERE = { line: 1, column: 1 };

/**
 * The content of a file, without the newline that editors put at its end, as what its setting takes. Throws an Error whose
 * message is the end of a sentence that begins with the setting.
 */
export function contentOf(path: string, entry: SettingEntry, at = NOWHERE): YamlNode | null {
  let text: string;
  try {
    text = readSmallFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`names the file ${path}, which ${reason}`, { cause: error });
  }
  return nodeOf(text, entry, at);
}

/** A text of the environment as what its setting takes: lists with commas or as JSON, which is YAML too. */
function nodeOf(text: string, { kind }: SettingEntry, { line, column } = NOWHERE): YamlNode | null {
  const plain = (value: string): YamlNode => {
    return { kind: 'text', text: value, plain: false, start: -1, end: -1, indent: -1, line, column };
  };
  if (kind === 'list' && !text.trimStart().startsWith('[')) {
    const items = text.split(',').map((one) => one.trim());
    return { kind: 'list', line, column, items: items.filter((one) => one !== '').map(plain) };
  }
  if (kind !== 'list' && kind !== 'map' && kind !== 'sections') return plain(text);
  const { root, faults } = parseYaml(text);
  const [first] = faults;
  if (first) throw new Error(`is not legible as JSON (column ${String(first.column)})`);
  return root;
}

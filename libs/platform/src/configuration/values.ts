import { type DeclaredSetting, type SettingEntry, type SettingsClass, settingsOf } from './setting.js';
import { distance } from 'fastest-levenshtein';
import { redactText } from '../log/redact-text.js';
import type { YamlNode } from './yaml.js';

/** Where a value was found, and what is needed to read it. */
export interface Reading {
  /** The place of a node, as the reader of an error needs it. */
  place: (node: YamlNode) => string;
  /** Opens `enc:v1:…`; throws with the rest of a sentence. The path is the key without positions in lists. */
  decrypt: (value: string, path: string) => string;
  /** What a file holds that `name` names; throws with the rest of a sentence. */
  content: (path: string, entry: SettingEntry, name: YamlNode) => YamlNode | null;
  report: (key: string, node: YamlNode, problem: string, entry: SettingEntry | null) => void;
}

/** Begins every encrypted value. */
const ENCRYPTED = 'enc:v1:';
/** How far a key may be from a known one to be taken for a slip. */
const SLIP = 3;

/** Whether a node says nothing: a key alone, or `~`. */
export function isNothing(node: YamlNode): boolean {
  return node.kind === 'text' && node.plain && (node.text === '' || node.text === '~' || node.text === 'null');
}

/** The value of a setting, or null where it is wrong (then it has been reported). `key` is its full path. */
export function readValue({ entry, options }: DeclaredSetting, node: YamlNode, key: string, reading: Reading): unknown {
  const wrong = (at: YamlNode, problem: string, path = key): null => {
    reading.report(path, at, problem, entry);
    return null;
  };
  const text = (one: YamlNode, path: string): string | null => {
    if (one.kind !== 'text') return wrong(one, `is to be one value, not a ${one.kind}`, path);
    let value = one.text;
    if (value.startsWith(ENCRYPTED)) {
      try {
        value = reading.decrypt(value, withoutPositions(path));
      } catch (error) {
        return wrong(one, error instanceof Error ? error.message : String(error), path);
      }
    }
    // What has several lines tells nobody anything in one, and may be a key in the place of a certificate.
    const shown = entry.secret || value.includes('\n') ? 'has a value that' : `"${clip(value)}"`;
    if (entry.values && !entry.values.includes(value)) {
      return wrong(one, `${shown} is not one of ${entry.values.join(', ')}${didYouMean(value, entry.values)}`, path);
    }
    const problem = value === '' ? null : (options.check?.(value) ?? null);
    return problem === null ? value : wrong(one, `${shown} ${problem}`, path);
  };

  switch (entry.kind) {
    case 'text': {
      const value = text(node, key);
      return value === '' && entry.required ? wrong(node, 'is empty') : value;
    }
    case 'number': {
      const value = text(node, key);
      if (value === null) return null;
      const problem = numberProblem(value, entry);
      return problem === null ? Number(value) : wrong(node, `"${clip(value)}" ${problem}`);
    }
    case 'boolean': {
      const value = text(node, key);
      if (value === null) return null;
      if (value === 'true' || value === '1') return true;
      return value === 'false' || value === '0' ? false : wrong(node, `"${clip(value)}" is neither true nor false`);
    }
    case 'list': {
      if (node.kind !== 'list') return wrong(node, `is to be a list, not ${named(node)}`);
      const members = node.items.map((item, index) => text(item, `${key}[${String(index)}]`));
      return members.every((member) => member !== null) ? members : null;
    }
    case 'map': {
      if (node.kind !== 'map') return wrong(node, `is to be a map of names and values, not ${named(node)}`);
      const pairs = node.entries.map(({ name, value }) => [name, text(value, `${key}.${name}`)] as const);
      return pairs.every(([, value]) => value !== null) ? Object.fromEntries(pairs) : null;
    }
    case 'sections': {
      if (node.kind !== 'list') return wrong(node, `is to be a list of sections, not ${named(node)}`);
      const { items } = options;
      if (!items) return null;
      return node.items.map((item, index) => readSection(items, item, `${key}[${String(index)}]`, reading, entry));
    }
  }
}

function readSection(
  settings: SettingsClass,
  node: YamlNode,
  key: string,
  reading: Reading,
  list: SettingEntry,
): object {
  const instance = new settings() as Record<string, unknown>;
  if (node.kind !== 'map') {
    reading.report(key, node, `is to be a section, not ${named(node)}`, list);
    return instance;
  }
  const declared = settingsOf(settings);
  const known = declared.map(({ entry }) => entry.key);
  const isKnown = (name: string): boolean => known.includes(name.replace(/_file$/, '')) || known.includes(name);
  for (const { name, ...place } of node.entries.filter((one) => !isKnown(one.name))) {
    const at: YamlNode = { kind: 'list', items: [], ...place };
    reading.report(`${key}.${clip(name)}`, at, `is not known${didYouMean(name, known)}`, null);
  }
  for (const setting of declared) {
    const { entry, property } = setting;
    const path = `${key}.${entry.key}`;
    const given = memberValue(node, entry, path, reading);
    const value = given && readValue(setting, given, path, reading);
    if (value !== null) instance[property] = value;
  }
  return instance;
}

/** What a section says of a setting, itself or by the name of a file; null where it says nothing right, which is reported. */
function memberValue(
  section: Extract<YamlNode, { kind: 'map' }>,
  entry: SettingEntry,
  key: string,
  reading: Reading,
): YamlNode | null {
  const said = (wanted: string): YamlNode | null => {
    const value = section.entries.find(({ name }) => name === wanted)?.value;
    return value && !isNothing(value) ? value : null;
  };
  const wrong = (at: YamlNode, problem: string, path = key): null => {
    reading.report(path, at, problem, at === section ? entry : null);
    return null;
  };
  const [given, file] = [said(entry.key), said(`${entry.key}_file`)];
  if (!file) return given ?? (entry.required ? wrong(section, 'is missing') : null);
  if (given) return wrong(file, `and ${entry.key}_file are both given: remove one of them`);
  if (file.kind !== 'text') return wrong(file, 'is to be the path of a file', `${key}_file`);
  try {
    return reading.content(file.text, entry, file);
  } catch (error) {
    return wrong(file, error instanceof Error ? error.message : String(error));
  }
}

/** A value as people may see it: secrets masked, sections by their keys. */
export function shownValue({ entry, options }: DeclaredSetting, value: unknown): unknown {
  if (entry.secret) return value === '' || (Array.isArray(value) && value.length === 0) ? value : '********';
  if (!options.items || !Array.isArray(value)) return withoutPasswords(value);
  const declared = settingsOf(options.items);
  return value.map((member: Record<string, unknown>) =>
    Object.fromEntries(declared.map((one) => [one.entry.key, shownValue(one, member[one.property])])),
  );
}

function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutPasswords(one)]));
}

function numberProblem(text: string, { min = 0, max, fraction }: SettingEntry): string | null {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) return 'is not a number';
  if (!fraction && !Number.isInteger(value)) return 'is not a whole number';
  if (value < min) return `is below ${String(min)}`;
  return max !== undefined && value > max ? `is above ${String(max)}` : null;
}

function named(node: YamlNode): string {
  return node.kind === 'text' ? 'one value' : `a ${node.kind}`;
}

/** `; did you mean …?` where a known word is near, else nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  if (word.length > 100) return '';
  const ranked = known.map((one) => ({ one, far: distance(word.toLowerCase(), one) })).sort((a, b) => a.far - b.far);
  const [best] = ranked;
  return best && best.far <= Math.min(SLIP, best.one.length / 2) ? `; did you mean ${best.one}?` : '';
}

/** `jira.connections[3].api_token` as `jira.connections.api_token`: what is encrypted may change its place in a list. */
export function withoutPositions(key: string): string {
  return key.replaceAll(/\[\d+\]/g, '');
}

/** A text for one line of an error, without the secrets that it shows by their form: nobody told that it holds some. */
export function clip(text: string): string {
  const line = redactText(text).replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

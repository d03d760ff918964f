import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  fsyncSync,
  openSync,
  closeSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Keyring } from '../secrets.js';
import { readSmallFile } from './read-file.js';
import { SettingsError, type SettingProblem } from './settings-error.js';
import { parseYaml, type YamlNode } from './yaml.js';

/** What a rotation found in a file. */
export interface Rotated {
  /** Values that the current key has encrypted anew. */
  rotated: number;
  /** Values that it had encrypted before. */
  current: number;
}

type Text = Extract<YamlNode, { kind: 'text' }>;

/**
 * Encrypts the `enc:v1:` values of a configuration file anew with the current master key, in place: all or none, and
 * nothing else of the file changes. Throws SettingsError where the file, or one of them, cannot be read.
 */
export function rotateFile(path: string, keys: Keyring): Rotated {
  // The file itself, not a link to it: renaming would replace the link.
  const file = realpathSync(path);
  const source = readSmallFile(file);
  const { root, faults } = parseYaml(source);
  const problems: SettingProblem[] = faults.map((fault) => ({
    key: '',
    place: placeOf(path, fault),
    problem: fault.problem,
  }));
  const sealed = root === null ? [] : [...textsOf(root, '')].filter(({ node }) => node.text.startsWith('enc:v1:'));
  const stale = sealed.filter(({ node }) => !keys.isCurrent(node.text.trim()));
  const replacements = stale.flatMap(({ node, key }) => {
    try {
      return [{ node, text: keys.encrypt(keys.decrypt(node.text.trim(), key), key) }];
    } catch (error) {
      const reason = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
      problems.push({ key, place: placeOf(path, node), problem: `cannot be decrypted: ${reason}` });
      return [];
    }
  });
  if (problems.length > 0) throw new SettingsError(problems);
  if (replacements.length > 0) replaceFile(file, replaced(source, replacements));
  return { rotated: replacements.length, current: sealed.length - stale.length };
}

function placeOf(path: string, { line, column }: { line: number; column: number }): string {
  return `${path}:${String(line)}:${String(column)}`;
}

/** Every text with the path that it was encrypted for: its keys, without positions in lists. */
function* textsOf(node: YamlNode, key: string): Generator<{ key: string; node: Text }> {
  if (node.kind === 'text') yield { key, node };
  else if (node.kind === 'list') for (const item of node.items) yield* textsOf(item, key);
  else for (const { name, value } of node.entries) yield* textsOf(value, key === '' ? name : `${key}.${name}`);
}

function replaced(source: string, replacements: { node: Text; text: string }[]): string {
  let result = source;
  for (const { node, text } of [...replacements].sort((a, b) => b.node.start - a.node.start)) {
    // A block's content begins with its indentation and ends with its newline.
    const content = node.indent < 0 ? text : `${' '.repeat(node.indent)}${text}\n`;
    result = result.slice(0, node.start) + content + result.slice(node.end);
  }
  return result;
}

/** Whoever reads meanwhile, or after a crash, sees the old file or the new one. */
function replaceFile(file: string, text: string): void {
  const { mode, uid, gid } = statSync(file);
  const unfinished = join(dirname(file), `.${randomBytes(6).toString('hex')}.rotate`);
  try {
    const handle = openSync(unfinished, 'wx', 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (process.getuid?.() === 0) chownSync(unfinished, uid, gid);
    chmodSync(unfinished, mode & 0o777);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

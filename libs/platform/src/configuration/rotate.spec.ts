import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Keyring } from '../secrets.js';
import { rotateFile } from './rotate.js';

const OLD = '11'.repeat(32);
const NEW = '22'.repeat(32);
const old = new Keyring(OLD);
const both = new Keyring(NEW, [OLD]);
const current = new Keyring(NEW);

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qa-pms-rotate-'));
  file = join(folder, 'qa-pms.yaml');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const SEALED = /enc:v1:[\w:-]+/g;

describe('rotateFile', () => {
  it('encrypts every secret anew and leaves the rest of the file as it is', () => {
    const url = old.encrypt('postgres://…', 'database.url');
    const tokens = ['t1', 't2', 't3'].map((token) => old.encrypt(token, 'jira.connections.api_token'));
    const before = `# Kept
database:
  url: "${url}" # and this
jira:
  connections:
  - { api_token: ${tokens[0]!} }
  - {api_token: '${tokens[1]!}', email: plain}
  - api_token: >-
      ${tokens[2]!}
    email: plain
`;
    writeFileSync(file, before);
    chmodSync(file, 0o640);

    const result = rotateFile(file, both);

    const after = readFileSync(file, 'utf8');
    const [first, ...others] = after.match(SEALED) ?? [];
    expect(result).toEqual({ rotated: 4, current: 0 });
    expect(after.replaceAll(SEALED, '…')).toBe(before.replaceAll(SEALED, '…'));
    expect(current.decrypt(first!, 'database.url')).toBe('postgres://…');
    expect(others.map((token) => current.decrypt(token, 'jira.connections.api_token'))).toEqual(['t1', 't2', 't3']);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['qa-pms.yaml']);
  });

  it('does nothing the second time', () => {
    writeFileSync(file, `a: ${current.encrypt('s', 'a')}\n`);
    const before = readFileSync(file, 'utf8');

    expect(rotateFile(file, both)).toEqual({ rotated: 0, current: 1 });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('changes nothing where one secret cannot be opened, and names each', () => {
    const unknown = new Keyring('33'.repeat(32));
    writeFileSync(file, `a: ${old.encrypt('s', 'a')}\nb: ${unknown.encrypt('s', 'b')}\nc: ${old.encrypt('s', 'a')}\n`);
    const before = readFileSync(file, 'utf8');

    expect(() => rotateFile(file, both)).toThrow(/:2:4: b cannot be decrypted[\s\S]*:3:4: c cannot be decrypted/);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('writes the file behind a link and keeps the link', () => {
    const target = join(folder, 'target.yaml');
    writeFileSync(target, `a: ${old.encrypt('s', 'a')}\n`);
    symlinkSync(target, file);

    rotateFile(file, both);

    expect(current.decrypt(readFileSync(target, 'utf8').slice(3).trim(), 'a')).toBe('s');
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(target, 'utf8'));
  });
});

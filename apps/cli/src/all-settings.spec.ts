import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingsHelp, settingsJsonSchema } from '@qa-pms/platform/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { load } from 'js-yaml';
import { allSettings, generatedFiles } from './all-settings.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('what is made from settings, metrics and commands', () => {
  it.each(generatedFiles(ROOT))('is up to date in $path (else: npm run generate)', ({ path, text }) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  });

  it('names every setting in the help', () => {
    const help = settingsHelp(allSettings());

    for (const { key } of allSettings()) expect(help).toContain(`  ${key.toUpperCase().replaceAll('.', '_')}\n`);
  });
});

describe('the JSON Schema of the configuration file', () => {
  const validate = new Ajv2020({ strict: false }).compile(settingsJsonSchema(allSettings()));
  const guide = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');

  it('accepts the example of the documentation', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';

    expect([validate(load(example)), validate.errors]).toEqual([true, null]);
  });

  it.each([
    ['an unknown section', { databse: {} }],
    ['an unknown key', { database: { pool_maximum: 3 } }],
    ['a wrong type', { database: { pool_max: 'many' } }],
    ['a value that is not offered', { log: { level: 'loud' } }],
    [
      'a connection without its token',
      { jira: { connections: [{ site_url: 'https://a.example.com', email: 'a@b.c' }] } },
    ],
  ])('refuses %s', (_what, document) => {
    expect(validate(document)).toBe(false);
  });
});

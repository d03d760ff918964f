import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hostileFiles } from '@qa-pms/testing';
import fc from 'fast-check';
import { Configuration } from './configuration.js';
import { SettingsError } from './settings-error.js';
import { parseYaml, parseYamlInWorker } from './yaml.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'qa-pms-hostile-'));
  mkdirSync(join(folder, 'folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function refusal(path: string): Promise<string[]> {
  const configuration = await Configuration.load({ environment: {}, file: path });
  try {
    configuration.check([]);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ problem }) => problem);
    throw error;
  }
}

describe('a hostile configuration file', () => {
  it.each(hostileFiles())('is refused: $name', async ({ content, problem }) => {
    const path = join(folder, 'hostile.yaml');
    writeFileSync(path, content());

    const problems = await refusal(path);

    expect(problems).toContainEqual(expect.stringMatching(problem));
  });

  it.each([
    ['pipe', 'is no regular file'],
    ['folder', 'is a folder'],
    ['loop', 'is a loop of symbolic links'],
    ['/dev/zero', 'is no regular file'],
    ['/dev/tty', 'is no regular file'],
    ['none', 'does not exist'],
  ])('is refused where it is no file: %s', async (name, problem) => {
    const path = name.startsWith('/') ? name : join(folder, name);

    expect(await refusal(path)).toEqual([problem]);
  });
});

describe('YAML', () => {
  it('is read the same in a worker', async () => {
    const source = 'a: { b: [1, "two", ~] }\nc: |\n  x\n  y\nd: *e\n';

    expect(await parseYamlInWorker(source)).toEqual(parseYaml(source));
  });

  it('is a document or a list of faults, whatever stands in it', () => {
    const words = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&x ',
      '*x',
      '!t ',
      '<<',
      '|\n',
      '>',
      '"',
      "'",
      '#',
      '\n',
      '  ',
      '? ',
      '---\n',
      '%',
      '\t',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words, { maxLength: 60 }).map((all) => all.join('')),
    );

    fc.assert(
      fc.property(text, (source) => {
        const { root, faults } = parseYaml(source);

        for (const { line, column } of faults) expect(Math.min(line, column)).toBeGreaterThan(0);
        if (root === null && faults.length === 0) expect(source).toMatch(/^(\s|\ufeff|#.*|---|\.\.\.|%.*)*$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('may be empty, or hold comments only', () => {
    for (const source of ['', '# nothing\n', '---\n']) expect(parseYaml(source).faults).toEqual([]);
  });
});

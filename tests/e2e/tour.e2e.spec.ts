import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startAllInOneSystem } from './system.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

describe("the README's tour", () => {
  let system: Awaited<ReturnType<typeof startAllInOneSystem>>;

  beforeAll(async () => {
    system = await startAllInOneSystem();
    const qa = await system.signIn('qa');
    for (let count = 0; count === 0;) {
      count = (await qa.get<{ pagination: { totalItems: number } }>('/tickets')).body.pagination.totalItems;
    }
  }, 120_000);

  afterAll(() => system.stop(), 60_000);

  it('works when it is pasted, up to the report', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const tour = /<!-- tour -->\s*```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const script = tour
      .replaceAll('http://127.0.0.1:3000', system.url)
      .replace('qa-pms token', `qa-pms token --url ${system.url}`);
    const { PATH = '', HOME = '' } = process.env;

    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: ROOT,
      env: { PATH, HOME, DATA_DIR: system.dataDir },
    });

    expect(tour).toContain('qa-pms token');
    expect(stdout).toContain('# QA report');
    expect(stdout).toContain('| Outcome | passed |');
    expect(stdout).toContain('skipped: Nothing to see in the logs.');
  }, 60_000);
});

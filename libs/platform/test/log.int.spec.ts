import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tidyLogs } from '../src/log/log-file.worker.js';

const ROOT = join(import.meta.dirname, '../../..');
const SOURCES = ['--import', join(ROOT, 'tools/typescript-hooks.js')];

/** Runs a script that writes to a log with files; how it ended and what it said. */
function run(
  script: string,
  limits = '',
): Promise<{ code: number | null; signal: string | null; output: string; errors: string }> {
  const source = `
    import { createRootLogger, logFor } from '@qa-pms/platform';
    import { openLogFile } from ${JSON.stringify(join(ROOT, 'libs/platform/src/log/log-file.ts'))};
    const open = (folder, options = {}) => {
      const file = openLogFile({ folder, name: 'workflow', megabytes: 100, days: 30, ...options });
      return logFor(createRootLogger({ level: 'info', format: 'json', file }), 'workflow');
    };
    ${script}`;
  const node = [process.execPath, ...SOURCES, '--input-type=module', '-e', source];
  const child = spawn('bash', ['-c', `${limits} exec "$@"`, 'bash', ...node], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that hangs ends before its test does.
    timeout: 25_000,
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes('"stop me"')) child.kill('SIGTERM');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    if (errors.includes('are not written')) child.kill('SIGUSR2');
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, output, errors });
    });
  });
}

describe('log files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-log-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** All lines of all files, compressed or not, in the order of the files. */
  async function lines(): Promise<{ number?: number; msg: string }[]> {
    const number = (file: string): number => Number(/\.(\d+)\.log/.exec(file)?.[1]);
    const files = (await readdir(folder)).sort((one, other) => number(one) - number(other));
    const texts = await Promise.all(
      files.map(async (file) => {
        const content = await readFile(join(folder, file));
        return (file.endsWith('.gz') ? gunzipSync(content) : content).toString();
      }),
    );
    return texts
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { number: number; msg: string });
  }

  it('hold every line when the process exits in the midst', async () => {
    const { code } = await run(`
      const log = open(${JSON.stringify(folder)});
      for (let number = 0; number < 5000; number += 1) log.info({ number }, 'line');
      process.exit(3);`);

    expect(code).toBe(3);
    expect((await lines()).map(({ number }) => number)).toEqual(Array.from({ length: 5_000 }, (_, number) => number));
  });

  it('begin with what was left to tidy, and without a complaint', async () => {
    await writeFile(join(folder, 'workflow.2026-10-20.1.log'), '{"msg":"a"}\n');

    const { code, errors } = await run(`
      import { readdirSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      const log = open(${JSON.stringify(folder)});
      log.info({}, 'line');
      while (!readdirSync(${JSON.stringify(folder)}).includes('workflow.2026-10-20.1.log.gz')) await sleep(20);
      process.exit(0);`);

    expect(code).toBe(0);
    expect(errors).toBe('');
    expect((await lines()).map(({ msg }) => msg).sort()).toEqual(['a', 'line']);
  });

  it('hold every line when a signal ends the process', async () => {
    const { code, output } = await run(`
      const log = open(${JSON.stringify(folder)});
      let number = 0;
      process.on('SIGTERM', () => { log.info({ number }, 'last'); process.exit(0); });
      setInterval(() => { for (let i = 0; i < 50; i += 1) log.info({ number: number++ }, 'line'); if (number === 1000) log.info({}, 'stop me'); }, 1);`);

    const [shown, kept] = [output.trim().split('\n'), await lines()];
    expect(code).toBe(0);
    expect(kept.at(-1)?.msg).toBe('last');
    expect(kept.map((line) => JSON.stringify(line))).toEqual(shown);
  });

  it('are rotated by size and compressed, and no line is lost or doubled', async () => {
    // pino-roll changes files only once all that waits is written: each round waits for its file.
    const { code } = await run(`
      import { readdirSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      const files = () => readdirSync(${JSON.stringify(folder)});
      const begun = () => new Set(files().map((file) => file.replace(/\\.(gz|part)$/, ''))).size;
      const until = async (holds) => { while (!holds()) await sleep(20); };
      const log = open(${JSON.stringify(folder)}, { megabytes: 0.1 });
      const text = 'x'.repeat(200);
      for (let number = 0; number < 5000;) {
        const before = begun();
        for (let line = 0; line < 1000; line += 1) log.info({ number: number++, text }, 'line');
        await until(() => begun() > before);
      }
      await until(() => files().filter((file) => !file.endsWith('.gz')).length === 1);
      process.exit(0);`);

    const files = await readdir(folder);
    expect(code).toBe(0);
    expect(files.filter((file) => file.endsWith('.log.gz')).length).toBeGreaterThan(3);
    expect(files.filter((file) => file.endsWith('.log')).length).toBe(1);
    expect((await lines()).map(({ number }) => number)).toEqual(Array.from({ length: 5_000 }, (_, number) => number));
  });

  it('do not stop the service when the disk takes no more', async () => {
    // The limit on the size of files stands for a full disk: writing fails the same way.
    const { code, output, errors } = await run(
      `
      process.on('SIGXFSZ', () => undefined);
      // Comes once it has complained.
      process.on('SIGUSR2', () => { log.info({}, 'still here'); process.exit(0); });
      setInterval(() => undefined, 1000);
      const log = open(${JSON.stringify(folder)});
      for (let number = 0; number < 2000; number += 1) log.info({ number }, 'line');`,
      "trap '' XFSZ; ulimit -f 16;",
    );

    expect(code).toBe(0);
    expect(output).toContain('still here');
    expect(errors).toMatch(/Log files in .* are not written: EFBIG/);
    expect((await lines().catch(() => [])).length).toBeLessThan(2_000);
  });

  // Below /proc nothing can be made either, though it says that what is above is missing.
  it.each(['/etc/hostname/logs', '/proc/logs', '/proc/logs/today'])(
    'are refused with one sentence at %s',
    async (path) => {
      const { code, errors } = await run(`
      try { open(${JSON.stringify(path)}); } catch (error) { process.stderr.write(error.message); process.exit(78); }`);

      expect(code).toBe(78);
      expect(errors).toContain(path);
      expect(errors).toMatch(/: log files cannot be written there \(E\w+\).*LOG_FILE_FOLDER/);
    },
  );

  it('are kept for so many days, and those of others are left alone', async () => {
    const days = (count: number): Date => new Date(Date.now() - count * 24 * 3_600_000);
    const files: [string, number][] = [
      ['workflow.2026-10-01.1.log.gz', 31],
      ['workflow.2026-10-02.1.log', 31],
      ['workflow.2026-10-20.1.log', 29],
      ['workflow.2026-11-01.1.log.gz', 2],
      ['workflow.2026-11-02.1.log.part', 1],
      ['workflow.2026-11-20.3.log', 0],
      ['workflow-0.2026-10-01.1.log', 90],
      ['notes.txt', 90],
    ];
    for (const [file, age] of files) {
      await writeFile(join(folder, file), '{"msg":"a"}\n');
      await utimes(join(folder, file), days(age), days(age));
    }

    await tidyLogs({ folder, name: 'workflow', megabytes: 1, days: 30 }, 'workflow.2026-11-20.3.log');

    expect((await readdir(folder)).sort()).toEqual([
      'notes.txt',
      'workflow-0.2026-10-01.1.log',
      'workflow.2026-10-20.1.log.gz',
      'workflow.2026-11-01.1.log.gz',
      'workflow.2026-11-20.3.log',
    ]);
    expect(gunzipSync(await readFile(join(folder, 'workflow.2026-10-20.1.log.gz'))).toString()).toBe('{"msg":"a"}\n');
  });

  it('are left alone where they are younger than the one that was written to when tidying was asked for', async () => {
    const today = ['workflow.2026-11-20.9.log', 'workflow.2026-11-20.10.log', 'workflow.2026-11-20.11.log'];
    const tomorrow = 'workflow.2026-11-21.1.log';
    for (const file of [...today, tomorrow]) await writeFile(join(folder, file), '');

    await tidyLogs({ folder, name: 'workflow', megabytes: 1, days: 30 }, 'workflow.2026-11-20.10.log');

    expect((await readdir(folder)).sort()).toEqual(
      ['workflow.2026-11-20.9.log.gz', ...today.slice(1), tomorrow].sort(),
    );
  });
});

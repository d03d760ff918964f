import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../..');
const SOURCE = `
  import 'reflect-metadata';
  import { Module } from '@nestjs/common';
  import { Configuration, defineService, processEnvironment, runServices } from '@qa-pms/platform';
  class ToyModule {}
  Module({})(ToyModule);
  const toy = defineService({ name: 'gateway', module: ToyModule, settings: [] });
  await runServices([toy], { configuration: Configuration.fromEnvironment(processEnvironment()) });
  console.log('listens', process.pid);`;

describe('a service whose terminal is closed', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-terminal-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** What its log files hold by now, one message after the other. */
  async function messages(): Promise<string[]> {
    const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
    const lines = texts.join('').split('\n').filter(Boolean);
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  }

  /** One that did not stop would go on without its terminal. */
  function endNow(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone, as it should be.
    }
  }

  it.each(['json', 'pretty'])(
    'stops in order, though nothing can be shown any more (%s)',
    async (format) => {
      const settings = { PORT: '0', ENCRYPTION_KEY: '00'.repeat(32), LOG_FORMAT: format, LOG_FILE_FOLDER: folder };
      const node = `exec ${process.execPath} --import ${ROOT}/tools/typescript-hooks.js --input-type=module -e "$SOURCE"`;
      const terminal = spawn('/usr/bin/script', ['-qc', node, '/dev/null'], {
        cwd: ROOT,
        env: { SOURCE, SHELL: '/bin/sh', SHUTDOWN_GRACE_MS: '200', ...settings },
        // One that hangs ends before its test does.
        timeout: 50_000,
      });
      let out = '';
      terminal.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      for (let tries = 0; tries < 400 && !out.includes('listens'); tries += 1) await sleep(100);

      terminal.kill('SIGKILL');
      for (let tries = 0; tries < 100 && !(await messages()).includes('stopped'); tries += 1) await sleep(100);

      const stopped = await messages();
      endNow(Number(/listens (\d+)/.exec(out)?.[1]));

      expect(stopped).toEqual([
        'service ready',
        'stopping: readiness fails from now on',
        ...Array<string>(5).fill('stop phase ended'),
        'stopped',
      ]);
    },
    60_000,
  );
});

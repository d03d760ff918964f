import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@qa-pms/database/embedded';

const ROOT = join(import.meta.dirname, '../../..');

type Line = Record<string, unknown> & { msg: string };

/** A toy service as a process of its own. */
export class ToyProcess {
  readonly lines: Line[] = [];
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {
    let begun = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const whole = (begun + chunk.toString()).split('\n');
      begun = whole.pop() ?? '';
      for (const line of whole) this.lines.push(JSON.parse(line) as Line);
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (...how) => {
        resolve(how);
      });
    });
  }

  /** @param file its service, in this folder */
  static async start(file: string, databaseUrl: string, settings: Record<string, string>): Promise<ToyProcess> {
    const port = String(await freePort());
    const args = ['--import', join(ROOT, 'tools/typescript-hooks.js'), join(import.meta.dirname, file)];
    const env = { PORT: port, DATABASE_URL: databaseUrl, ENCRYPTION_KEY: '00'.repeat(32) };
    const more = { DATABASE_MIGRATE_ON_START: 'true', DATABASE_POOL_MIN: '0', DATABASE_POOL_MAX: '2', ...settings };
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const one = new ToyProcess(`http://127.0.0.1:${port}`, child);
    while (!(await one.get('/health/ready').catch(() => null))) await sleep(50);
    return one;
  }

  async get(path: string, requestId = 'probe'): Promise<{ status: number; connection: string | null; code: unknown }> {
    const answer = await fetch(`${this.url}${path}`, { headers: { connection: 'close', 'x-request-id': requestId } });
    const { code } = (await answer.json()) as { code?: unknown };
    return { status: answer.status, connection: answer.headers.get('connection'), code };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The line that says so, or so many of which the last. */
  async until(msg: string, count = 1): Promise<Line> {
    for (;;) {
      const line = this.lines.filter((one) => one.msg === msg)[count - 1];
      if (line) return line;
      await sleep(20);
    }
  }

  get phases(): unknown[] {
    return this.lines.filter(({ msg }) => msg.startsWith('stop phase')).map(({ phase }) => phase);
  }
}

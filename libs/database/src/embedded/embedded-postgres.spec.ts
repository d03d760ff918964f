import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRootLogger, infrastructureFault, logFor } from '@qa-pms/platform';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';

const HOOKS = resolve('tools/typescript-hooks.js');
const SOURCE = resolve('libs/database/src/embedded/embedded-postgres.ts');

describe('the embedded PostgreSQL', () => {
  let dataDir: string;
  let server: EmbeddedPostgres | null = null;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-embedded-'));
  });
  afterEach(async () => {
    await server?.stop();
    server = null;
    // A server that an owner has left behind half started may write there for a moment more.
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20 });
  });

  const start = async (persistent = true, durable = false): Promise<EmbeddedPostgres> => {
    server = await startEmbeddedPostgres({ dataDir, persistent, durable });
    return server;
  };
  const query = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  /** Another process with the server, which says the server's id and address. */
  const startElsewhere = async ({ durable = false } = {}) => {
    const script = `
      await import(${JSON.stringify(HOOKS)});
      const { startEmbeddedPostgres } = await import(${JSON.stringify(SOURCE)});
      const { pid, adminUrl } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, persistent: true, durable: ${durable} });
      console.log(JSON.stringify({ pid, adminUrl }));
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    return { owner, ...(JSON.parse(line) as { pid: number; adminUrl: string }) };
  };
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  /** Kills the owner and gives the server, which is its own process, the time to follow. */
  const killed = async (owner: ChildProcess, pid: number): Promise<void> => {
    owner.kill('SIGKILL');
    await gone(pid);
  };
  const gone = async (pid: number): Promise<void> => {
    for (let tries = 0; isAlive(pid) && tries < 400; tries += 1) await sleep(50);
  };
  /** What a server answers that may still be starting. */
  const answered = async (url: string, sql: string): Promise<unknown> => {
    for (let tries = 0; ; tries += 1) {
      try {
        return await query(url, sql);
      } catch (error) {
        if (tries > 400) throw error;
        await sleep(50);
      }
    }
  };

  it('keeps its data and its password over a restart', async () => {
    const first = await start();
    await query(first.adminUrl, 'CREATE TABLE kept (i int)');
    await first.stop();

    const second = await start();

    expect(await query(second.adminUrl, `SELECT to_regclass('kept')::text AS found`)).toEqual([{ found: 'kept' }]);
    expect(new URL(second.adminUrl).password).toBe(new URL(first.adminUrl).password);
  });

  it('takes nobody without its password, which only its user may read', async () => {
    const { adminUrl } = await start();
    const wrong = new URL(adminUrl);
    wrong.password = 'wrong';

    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
    expect(await query(adminUrl, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });

  it('takes connections over a Unix socket in its folder, with the same password', async () => {
    const { adminUrl, address, dataDir: folder } = await start();
    const url = new URL(adminUrl);
    const over = adminUrl.replace(url.host, address);

    expect(decodeURIComponent(new URL(over).hostname)).toBe(folder);
    expect(await query(over, 'SELECT inet_server_addr() AS address')).toEqual([{ address: null }]);
    await expect(query(over.replace(url.password, 'wrong'), 'SELECT 1')).rejects.toThrow(/authentication failed/);

    await server?.stop();
    const refused: unknown = await query(over, 'SELECT 1').catch((error: unknown) => error);
    expect(infrastructureFault(refused)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });

  it('is reached at 127.0.0.1 where a path is too long for a Unix socket', async () => {
    const long = join(dataDir, 'x'.repeat(100));
    await chmod(dataDir, 0o755);
    server = await startEmbeddedPostgres({ dataDir: long, persistent: true, durable: false });

    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    expect(await query(server.adminUrl, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
  });

  it('starts where a killed server has left its socket, locked by a number that is alive again', async () => {
    const first = await start();
    await first.stop();
    // Of the same user: PostgreSQL takes no notice of others' numbers.
    const other = await startEmbeddedPostgres({ dataDir: join(dataDir, 'other'), persistent: false, durable: false });
    await writeFile(join(first.dataDir, `.s.PGSQL.${first.port}.lock`), `${other.pid}\n`);

    server = await startEmbeddedPostgres({ dataDir, persistent: true, durable: false, port: first.port });

    expect(await query(server.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.stop();
  });

  it('is safe against power cuts unless told otherwise', async () => {
    server = await startEmbeddedPostgres({ dataDir, persistent: true });

    expect(await query(server.adminUrl, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('leaves nothing behind when it is not persistent', async () => {
    const { pid, stop } = await start(false);

    await stop();

    expect(isAlive(pid)).toBe(false);
    await expect(stat(dataDir)).rejects.toThrow(/ENOENT/);
  });

  it('refuses data that another process uses', async () => {
    const { owner, pid } = await startElsewhere();

    await expect(start()).rejects.toThrow(new RegExp(`is used by process ${owner.pid}`));

    await killed(owner, pid);
  });

  it('stops when its process is killed', async () => {
    const { owner, pid } = await startElsewhere();

    await killed(owner, pid);

    expect(isAlive(pid)).toBe(false);
  });

  it('starts again at once after it and its process were killed', async () => {
    // Without durability a commit is not yet written when it is answered.
    const { owner, pid, adminUrl } = await startElsewhere({ durable: true });
    await query(adminUrl, 'CREATE TABLE kept (i int)');
    // It is held before: it would start its server again.
    owner.kill('SIGSTOP');
    process.kill(pid, 'SIGKILL');
    owner.kill('SIGKILL');
    await once(owner, 'exit');

    const again = await start();

    expect(await query(again.adminUrl, `SELECT to_regclass('kept')::text AS found`)).toEqual([{ found: 'kept' }]);
  });

  it('is started again with its data and on its port when it is killed', async () => {
    const { pid, adminUrl } = await start(true, true);
    await query(adminUrl, 'CREATE TABLE kept (i int)');

    process.kill(pid, 'SIGKILL');
    const found = await answered(adminUrl, `SELECT to_regclass('kept')::text AS found`);

    expect(found).toEqual([{ found: 'kept' }]);
    expect(server?.pid).not.toBe(pid);
  });

  it('is started again when somebody stops it, as often as that happens', async () => {
    const { adminUrl } = await start();

    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const { pid } = server!;
      process.kill(pid, signal);
      await gone(pid);

      expect(await answered(adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    }
  });

  it('can be stopped while it is started again', async () => {
    const { pid, stop } = await start(false);
    process.kill(pid, 'SIGKILL');
    await gone(pid);

    await stop();

    expect(isAlive(server!.pid)).toBe(false);
    await expect(stat(dataDir)).rejects.toThrow(/ENOENT/);
  });

  it('is given up, with what it said, when it cannot be started again', async () => {
    const lines: string[] = [];
    const output = { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) };
    const log = logFor(createRootLogger({ level: 'info', format: 'json', output }), 'postgres');
    server = await startEmbeddedPostgres({ dataDir, persistent: true, patienceMs: 300, log: () => log });
    await rm(join(dataDir, 'cluster/global/pg_control'));

    process.kill(server.pid, 'SIGKILL');
    const { message } = await server.lost;

    expect(message).toMatch(/^PostgreSQL did not start \(see .*server\.log\): .*pg_control/s);
    // Of the last try only.
    expect(message.match(/could not open/g)).toHaveLength(1);
    expect(lines).toEqual(['PostgreSQL ended by itself: it is started again', 'PostgreSQL cannot be started again']);
  });

  it('refuses data whose owner is starting its server again', async () => {
    const { owner, pid } = await startElsewhere();
    await rm(join(dataDir, 'cluster/global/pg_control'));
    process.kill(pid, 'SIGKILL');
    await gone(pid);

    await expect(start()).rejects.toThrow(new RegExp(`is used by process ${owner.pid}`));

    owner.kill('SIGKILL');
  });
});

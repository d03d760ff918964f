import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive, readLockFile, SUPERUSER } from './lock-file.js';
import type { ServerUser } from './postgres-files.js';

const run = promisify(execFile);

/** Recovery after kill -9 of a busy server replays its log: seconds, seldom more. */
const START_LIMIT_MS = 60_000;
/** A server whose parent died stops by itself within this time. */
const ORPHAN_LIMIT_MS = 10_000;
/** What the server said last is told with a failed start. */
const LOG_LINES_TOLD = 20;
/** Bytes of a socket's path: 104 with its NUL on macOS, 108 on Linux. https://man7.org/linux/man-pages/man7/unix.7.html */
const LONGEST_SOCKET_PATH = 103;

/** How a server runs. */
export interface ServerSettings {
  /** Default true. False gives up safety against power cuts for speed: for tests only. */
  durable?: boolean;
  /** Further settings of postgresql.conf. */
  settings?: Record<string, string>;
}

/** The folder of one server and the programs that work on it. */
export class ServerFiles {
  readonly cluster: string;
  readonly password: string;
  readonly owner: string;
  readonly log: string;
  /**
   * Folder of the Unix socket, which costs a statement about a quarter less than 127.0.0.1 does; null where Node knows no
   * such sockets (Windows) or the path is too long for one.
   */
  readonly socketFolder: string | null;
  private readonly marker: string;
  /** Bytes of the log that are of an earlier server. */
  private saidBefore = 0;

  constructor(
    private readonly folder: string,
    private readonly binaries: string,
    private readonly user: ServerUser,
  ) {
    this.cluster = join(folder, 'cluster');
    this.password = join(folder, 'password');
    this.owner = join(folder, 'owner.pid');
    this.log = join(folder, 'server.log');
    this.marker = join(folder, 'initialised');
    const [socketFolder, port] = [resolve(folder), '65535'];
    const fits = Buffer.byteLength(join(socketFolder, `.s.PGSQL.${port}`)) <= LONGEST_SOCKET_PATH;
    this.socketFolder = platform() !== 'win32' && fits ? socketFolder : null;
  }

  /** The marker is written last: without it a start was ended half way, and the cluster is of no use. */
  initialised(): boolean {
    return existsSync(this.marker) && existsSync(join(this.cluster, 'PG_VERSION'));
  }

  async initialise(durable: boolean): Promise<void> {
    await rm(this.cluster, { recursive: true, force: true });
    await writeFile(this.password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
    if (this.user) chownSync(this.password, this.user.uid, this.user.gid);
    // The built-in locale sorts the same on every machine.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = ['--auth=scram-sha-256', `--username=${SUPERUSER}`, `--pwfile=${this.password}`];
    try {
      const files = [`--pgdata=${this.cluster}`, '--no-instructions', ...(durable ? [] : ['--no-sync'])];
      await run(join(this.binaries, 'bin/initdb'), [...files, ...locale, ...access], this.identity());
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new Error(`The database could not be made in ${this.cluster}: ${stderr?.trim() ?? String(error)}`, {
        cause: error,
      });
    }
    await writeFile(this.marker, '');
  }

  /** Waits for, or stops, a server that a killed process left behind. Throws when its owner is alive. */
  async releaseFromDeadOwner(): Promise<void> {
    const pid = this.lockPid();
    const runs = pid !== null && (await this.isOurs(pid));
    const [owner = 0, guard = 0] = existsSync(this.owner)
      ? readFileSync(this.owner, 'utf8').split('\n').map(Number)
      : [];
    // An owner whose server has died starts it again; its number alone may be another process's by now.
    if (owner !== process.pid && isAlive(owner) && (runs || (await this.isOurs(guard)))) {
      throw new Error(`The database in ${this.cluster} is used by process ${owner}: stop that one first.`);
    }
    if (pid === null) return;
    if (!runs) {
      // PostgreSQL takes any live process of this number for a server: in a container numbers are used again soon.
      await rm(join(this.cluster, 'postmaster.pid'), { force: true });
      return;
    }
    const limit = Date.now() + ORPHAN_LIMIT_MS;
    let asked = false;
    while (isAlive(pid)) {
      if (Date.now() > limit) throw new Error(`The database in ${this.cluster} is still used by process ${pid}.`);
      if (!asked) process.kill(pid, 'SIGINT');
      asked = true;
      await sleep(50);
    }
  }

  /** Says whose the folder is from now on, and which process guards it for as long as its owner lives. */
  claim(guard = 0): void {
    writeFileSync(this.owner, `${process.pid}\n${guard}\n`);
  }

  /** `logMode`: `w` begins the server's log anew, `a` keeps what it said before. */
  spawnServer(port: number, { durable = true, settings = {} }: ServerSettings, logMode: 'w' | 'a'): ChildProcess {
    const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
    const all: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      // A list, whose members may be quoted as identifiers are.
      unix_socket_directories: this.socketFolder === null ? '' : `"${this.socketFolder.replaceAll('"', '""')}"`,
      port: String(port),
      log_min_messages: 'warning',
      ...(durable ? {} : fast),
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.removeDeadSockets();
    const log = openSync(this.log, logMode, 0o600);
    this.saidBefore = fstatSync(log).size;
    try {
      return spawn(join(this.binaries, 'bin/postgres'), ['-D', this.cluster, ...flags], {
        ...this.identity(),
        // A group of its own: Ctrl-C in a terminal must not stop the database before those who use it.
        detached: true,
        stdio: ['ignore', log, log],
      });
    } finally {
      closeSync(log);
    }
  }

  /** Stops the server when this process ends without having done so, even by kill -9: its pipe then closes. */
  spawnGuard(pid: number): ChildProcess | undefined {
    if (platform() === 'win32') return undefined;
    // The number may belong to another process by then: the lock file tells.
    const script = 'read -r _; read -r pid < "$2/postmaster.pid" && [ "$pid" = "$1" ] && kill -INT "$1"';
    const guard = spawn('/bin/sh', ['-c', script, 'postgres-guard', String(pid), this.cluster], {
      ...this.identity(),
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.unref();
    (guard.stdin as unknown as { unref?: () => void }).unref?.();
    this.claim(guard.pid);
    return guard;
  }

  async untilReady(server: ChildProcess): Promise<void> {
    let failed: Error | undefined;
    server.once('error', (error) => {
      failed = error;
    });
    const limit = Date.now() + START_LIMIT_MS;
    for (;;) {
      if (failed) throw failed;
      if (server.exitCode !== null || server.signalCode !== null) {
        const said = readFileSync(this.log)
          .subarray(this.saidBefore)
          .toString()
          .trim()
          .split('\n')
          .slice(-LOG_LINES_TOLD)
          .join('\n');
        throw new Error(`PostgreSQL did not start (see ${this.log}): ${said}`);
      }
      const lock = readLockFile(this.cluster);
      if (lock?.pid === server.pid && lock?.ready) break;
      if (Date.now() > limit) {
        await stopServer(server);
        throw new Error(`PostgreSQL was not ready after ${START_LIMIT_MS / 1000} s: see ${this.log}.`);
      }
      await sleep(15);
    }
    server.unref();
  }

  /** A killed server leaves its socket's lock file, which keeps the next one out while any process has its number. */
  private removeDeadSockets(): void {
    for (const name of readdirSync(this.folder)) {
      if (name.startsWith('.s.PGSQL.')) rmSync(join(this.folder, name), { force: true });
    }
  }

  private identity() {
    return { ...this.user, cwd: '/', env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  }

  /** Whether this process works on our cluster: numbers of processes are used again. */
  private async isOurs(pid: number): Promise<boolean> {
    return (await commandOf(pid)).includes(this.cluster);
  }

  private lockPid(): number | null {
    const pid = readLockFile(this.cluster)?.pid ?? 0;
    return isAlive(pid) ? pid : null;
  }
}

/** SIGINT is the "fast" shutdown: sessions are ended, the data is written. https://www.postgresql.org/docs/18/server-shutdown.html */
export async function stopServer(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  // It is unreferenced while it runs; without this the process would end here and leave the rest undone.
  server.ref();
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => {
      resolve();
    });
  });
  server.kill('SIGINT');
  await ended;
}

/** The command line of a process. */
async function commandOf(pid: number): Promise<string> {
  if (platform() === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

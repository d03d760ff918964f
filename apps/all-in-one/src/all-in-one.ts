import { join, resolve } from 'node:path';
import { SeedDemo } from '@qa-pms/contracts';
import { type Environment, MessageBus, runAsSystem, type Running, startServices } from '@qa-pms/platform';
import { type JiraSimulator, startJiraSimulator } from '@qa-pms/simulators';
import { DEMO_USERS, demoSeed } from './demo.js';
import { startEmbeddedDatabase } from './embedded-database.js';
import { type DemoLogin, demoLogins, masterKey, prepareDataFolder } from './first-start.js';
import { chosenServices } from './services.js';

export { SERVICES } from './services.js';

export interface AllInOne {
  /** Address of the gateway. */
  url: string;
  /** What runs. */
  running: Running;
  /** Users that the demonstration made; null with DEMO=false. */
  demo: { file: string; logins: DemoLogin[] } | null;
  stop: (reason: string) => Promise<void>;
}

/** Credentials of the simulated Jira: it is reachable from this machine only and holds nothing but the demonstration. */
const SIMULATED_JIRA = { email: 'qa@example.com', apiToken: 'simulated-jira' };

/** Nine passwords are hashed with argon2id, two at a time: seconds on a slow machine. */
const SEED_TIMEOUT_MS = 60_000;

/** Starts the product in this process; what the environment does not say is provided. `tell` gets a line per step. */
export async function startAllInOne(environment: Environment, tell: (line: string) => void): Promise<AllInOne> {
  const dataDir = resolve(environment['DATA_DIR'] ?? '.data');
  const withDemo = environment['DEMO'] !== 'false';
  const services = chosenServices(environment['TARGET'] ?? 'all');
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    await prepareDataFolder(dataDir);
    const provided: Environment = {
      ENCRYPTION_KEY: environment['ENCRYPTION_KEY'] ?? (await masterKey(dataDir)),
      DATABASE_MIGRATE_ON_START: 'true',
      DATABASE_POOL_MAX: '4',
      DATABASE_POOL_MIN: '1',
    };
    if (!environment['DATABASE_URL']) {
      const { url, server } = await startEmbeddedDatabase(dataDir);
      closers.push(() => server.stop());
      provided['DATABASE_URL'] = url;
      tell('PostgreSQL ready (embedded)');
    }
    if (withDemo && !environment['JIRA_SITE_URL'] && !environment['JIRA_CONNECTIONS']) {
      const simulator = await startJiraSimulator({ ...SIMULATED_JIRA, ...issuesFrom(environment) });
      closers.push(() => simulator.stop());
      provided['JIRA_CONNECTIONS'] = connections(simulator);
      tell('Jira ready (simulated)');
    }
    const running = await startServices(services, {
      environment: { ...provided, ...environment },
      onReady: (name) => {
        tell(`${name} ready`);
      },
    });
    closers.push(() => running.stop('stop'));
    const demo = withDemo ? await seed(running, dataDir) : null;
    return { url: running.url, running, demo, stop: close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

function issuesFrom(environment: Environment): { issuesDir?: string } {
  const issuesDir = environment['JIRA_SIMULATOR_ISSUES_DIR'];
  return issuesDir ? { issuesDir: resolve(issuesDir) } : {};
}

/** DEMO gets every project of the simulated Jira but OTHER's. */
function connections(simulator: JiraSimulator): string {
  const site = { siteUrl: simulator.url, ...SIMULATED_JIRA };
  const keys = [...simulator.store.projectKeys()];
  return JSON.stringify([
    { ...site, projectKeys: keys.filter((key) => key !== 'OTHER'), project: 'DEMO' },
    { ...site, projectKeys: ['OTHER'], project: 'OTHER' },
  ]);
}

async function seed(running: Running, dataDir: string): Promise<AllInOne['demo']> {
  const identity = running.services.find(({ name }) => name === 'identity');
  return identity ? seedDemo(identity.app.get(MessageBus), dataDir) : null;
}

/** Makes the demonstration's users and projects where they are missing; their passwords are kept in the data folder. */
export async function seedDemo(bus: MessageBus, dataDir: string): Promise<{ file: string; logins: DemoLogin[] }> {
  const logins = await demoLogins(dataDir, DEMO_USERS);
  const passwords = new Map(logins.map(({ username, password }) => [username, password]));
  await runAsSystem({}, () => bus.request(SeedDemo, demoSeed(passwords), { timeoutMs: SEED_TIMEOUT_MS }));
  return { file: join(dataDir, 'demo-users.json'), logins };
}

import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FindProject, ListTickets, SeedDemo } from '@qa-pms/contracts';
import {
  type Configuration,
  diskCheck,
  type Log,
  logFor,
  MessageBus,
  runAsSystem,
  type RunOptions,
  type Running,
  settingsClassesOf,
  startServices,
} from '@qa-pms/platform';
import { type JiraSimulator, startJiraSimulator } from '@qa-pms/simulators';
import { AllInOneSettings } from './all-in-one.settings.js';
import { DEMO_USERS, demoSeed } from './demo.js';
import { startEmbeddedDatabase } from './embedded-database.js';
import {
  type DemoLogin,
  demoLogins,
  keptMasterKey,
  masterKey,
  newMasterKey,
  prepareDataFolder,
} from './first-start.js';
import { chosenServices, SERVICES } from './services.js';

export { keptMasterKey, prepareDataFolder } from './first-start.js';
export { hasEmbeddedDatabase, runningEmbeddedDatabase, startEmbeddedDatabase } from './embedded-database.js';
export { AllInOneSettings } from './all-in-one.settings.js';
export { SERVICES } from './services.js';

export interface AllInOne {
  /** Address of the gateway. */
  url: string;
  /** What runs. */
  running: Running;
  /** Users that the demonstration made; null with DEMO=false. */
  demo: { file: string; logins: DemoLogin[] } | null;
  /** Why the embedded database is gone for good; never settled otherwise. */
  databaseLost: Promise<Error>;
  /** Resolved with false where the limit of time ended the services. */
  stop: (reason: string) => Promise<boolean>;
}

/** Credentials of the simulated Jira: it is reachable from this machine only and holds nothing but the demonstration. */
const SIMULATED_JIRA = { email: 'qa@example.com', apiToken: 'simulated-jira' };

/** Nine passwords are hashed with argon2id, two at a time: seconds on a slow machine. */
const SEED_TIMEOUT_MS = 60_000;

/** How long a start waits for the tickets of the simulated Jira: the first sync begins within a quarter of a second. */
const FIRST_TICKETS_MS = 5_000;

/** What the configuration does not give and this process makes itself: where from, for those who ask. */
const MADE_HERE = 'made by all-in-one';

/**
 * Provides what this process makes itself as far as it can be told before anything starts, so that the configuration can
 * be checked as a whole.
 */
export async function provideForAllInOne(configuration: Configuration): Promise<void> {
  const { dataDir } = configuration.peek(AllInOneSettings);
  configuration.provide(
    {
      ENCRYPTION_KEY: (await keptMasterKey(dataDir)) ?? newMasterKey(),
      DATABASE_URL: 'postgres://embedded',
      DATABASE_MIGRATE_ON_START: 'true',
      DATABASE_POOL_MAX: '4',
    },
    MADE_HERE,
  );
}

/** Starts the product in this process; what the configuration does not say is provided. `tell` gets a line per step. */
export async function startAllInOne(
  configuration: Configuration,
  tell: (line: string) => void,
  { leaveEvents = false }: Pick<RunOptions, 'leaveEvents'> = {},
): Promise<AllInOne> {
  const ownDatabase = !configuration.has('database.url');
  const ownKey = !configuration.has('encryption.key');
  const ownJira = !configuration.has('jira.site_url') && !configuration.has('jira.connections');
  await provideForAllInOne(configuration);
  const services = chosenServices(configuration.peek(AllInOneSettings).target);
  configuration.check([AllInOneSettings, ...settingsClassesOf(services)]);
  const { demo: withDemo, simulatorIssuesDir, ...settings } = configuration.read(AllInOneSettings);
  const dataDir = resolve(settings.dataDir);
  const made: { demo: AllInOne['demo']; databaseLost: Promise<Error>; log: Log | null } = {
    demo: null,
    databaseLost: Promise.withResolvers<Error>().promise,
    log: null,
  };
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    if (ownDatabase || ownKey || withDemo) await prepareDataFolder(dataDir);
    const provided: Record<string, string> = {};
    if (ownKey) provided['ENCRYPTION_KEY'] = await masterKey(dataDir);
    if (ownDatabase) {
      const { url, server } = await startEmbeddedDatabase(dataDir, () => made.log);
      closers.push(() => server.stop());
      made.databaseLost = server.lost;
      provided['DATABASE_URL'] = url;
      tell('PostgreSQL ready (embedded)');
    }
    if (withDemo && ownJira) {
      const simulator = await startJiraSimulator({
        ...SIMULATED_JIRA,
        journal: join(dataDir, 'simulated-jira.jsonl'),
        ...(simulatorIssuesDir !== '' && { issuesDir: resolve(simulatorIssuesDir) }),
      });
      closers.push(() => simulator.stop());
      provided['JIRA_CONNECTIONS'] = connections(simulator);
      provided['JIRA_HTTP_PRIVATE_HOSTS'] = '127.0.0.1';
      tell('Jira ready (simulated)');
    }
    configuration.provide(provided, MADE_HERE);
    const running = await startServices(services, {
      configuration,
      // Without Kafka those of the services that run here reach none of the others.
      leaveEvents: leaveEvents || services.length < SERVICES.length,
      beforeListening: async (started) => {
        const bus = started.find(({ name }) => name === 'identity')?.app.get(MessageBus);
        if (!withDemo || !bus) return;
        made.demo = await seedDemo(bus, dataDir);
        // No start fails for it: DEMO may have been deleted, and who lists tickets is told what is wrong.
        if (ownJira && started.some(({ name }) => name === 'jira')) await firstTickets(bus).catch(() => undefined);
      },
      onReady: (name) => {
        tell(`${name} ready`);
      },
    });
    made.log = logFor(running.runtime.logger, 'postgres');
    // Its own part: log files, which `disk` looks at, may lie on another. As root `postgres` is a link to where it lies.
    if (ownDatabase) running.runtime.health.add({ ...diskCheck(join(dataDir, 'postgres')), name: 'data' });
    const stop = async (reason: string): Promise<boolean> => {
      const clean = await running.stop(reason);
      await close();
      return clean;
    };
    return { url: running.url, running, demo: made.demo, databaseLost: made.databaseLost, stop };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** DEMO gets every project of the simulated Jira but OTHER's. */
function connections(simulator: JiraSimulator): string {
  const site = { site_url: simulator.url, email: SIMULATED_JIRA.email, api_token: SIMULATED_JIRA.apiToken };
  const keys = [...simulator.store.projectKeys()];
  return JSON.stringify([
    { ...site, project_keys: keys.filter((key) => key !== 'OTHER'), project: 'DEMO' },
    { ...site, project_keys: ['OTHER'], project: 'OTHER' },
  ]);
}

/** Makes the demonstration's users and projects where they are missing; their passwords are kept in the data folder. */
export async function seedDemo(bus: MessageBus, dataDir: string): Promise<{ file: string; logins: DemoLogin[] }> {
  const logins = await demoLogins(dataDir, DEMO_USERS);
  const passwords = new Map(logins.map(({ username, password }) => [username, password]));
  await runAsSystem({}, () => bus.request(SeedDemo, demoSeed(passwords), { timeoutMs: SEED_TIMEOUT_MS }));
  return { file: join(dataDir, 'demo-users.json'), logins };
}

/** Waits until the demonstration's tickets can be listed: whoever reads "ready" does that first. */
async function firstTickets(bus: MessageBus): Promise<void> {
  const { id: projectId } = await runAsSystem({}, () => bus.request(FindProject, { key: 'DEMO' }));
  const until = Date.now() + FIRST_TICKETS_MS;
  const synced = async (): Promise<boolean> => {
    const { freshness } = await runAsSystem({ projectId }, () => bus.request(ListTickets, { pageSize: 1 }));
    return freshness.fetchedAt !== null;
  };
  while (Date.now() < until && !(await synced())) await sleep(20);
}

import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { type Fault, Faults, readFault } from '../faults.js';
import { demoIssues } from './demo/demo-issues.js';
import { accountOf } from './demo/people.js';
import { issueRoutes } from './issue.routes.js';
import { JiraError } from './jira-error.js';
import { JiraStore } from './jira-store.js';
import { Journal } from './journal.js';
import { loadIssues } from './load-issues.js';
import { searchRoutes } from './search.routes.js';

export interface JiraSimulatorOptions {
  /** 0: any free port. */
  port?: number;
  host?: string;
  /** Folder of JSON files with issues, held beside those of the demo. */
  issuesDir?: string;
  /** File that keeps what is done here for the next start; without it all is forgotten. */
  journal?: string;
  /** The credentials that are demanded with Basic authentication. */
  email: string;
  apiToken: string;
  now?: () => Date;
}

export interface JiraSimulator {
  /** Address of the simulated site. */
  url: string;
  /** Makes it misbehave: the same as `POST /__faults`. Null ends it. */
  fault: (fault: Fault | null) => void;
  /** Its issues, to change and remove as people in Jira would. */
  store: JiraStore;
  stop: () => Promise<void>;
}

/** Bursts that Jira Cloud lets through, a second (unverified, see Atlassian's page on rate limiting). */
const BURST_PER_SECOND = 100;

/** Starts a stand-in of Jira Cloud's REST API v3, stateful in memory, or with a journal for longer. */
export async function startJiraSimulator(options: JiraSimulatorOptions): Promise<JiraSimulator> {
  const { port = 0, host = '127.0.0.1', email, apiToken, issuesDir, now = () => new Date() } = options;
  const journal = options.journal === undefined ? null : new Journal(options.journal, now());
  const issues = [...demoIssues(journal?.since ?? now()), ...(issuesDir ? loadIssues(issuesDir) : [])];
  const store = new JiraStore(issues, accountOf(email), now, journal);
  const faults = new Faults();
  const app = fastify({ forceCloseConnections: true });
  let url = '';
  limitRate(app, now);
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/__')) return;
    if (await faults.apply(request, reply)) return reply;
    if (!isAuthorized(request.headers.authorization, email, apiToken)) {
      throw new JiraError(401, 'Client must be authenticated to access this resource.');
    }
    return undefined;
  });
  app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
    const refusal = error instanceof JiraError ? error : new JiraError(error.statusCode ?? 500, error.message);
    return reply.code(refusal.status).send(refusal.body);
  });
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send(new JiraError(404, 'Not found.').body));
  app.post('/__faults', async (request, reply) => {
    const fault = readFault(request.body);
    if (typeof fault === 'string') throw new JiraError(400, fault);
    faults.set(fault);
    return reply.code(204).send();
  });
  searchRoutes(app, store, now, () => url);
  issueRoutes(app, store, () => url);
  await app.listen({ port, host });
  url = `http://${host}:${String((app.server.address() as AddressInfo).port)}`;
  return {
    url,
    store,
    fault: (fault) => {
      faults.set(fault);
    },
    stop: () => app.close(),
  };
}

/** Jira's headers on every answer, and 429 once the burst of a second is used up. */
function limitRate(app: FastifyInstance, now: () => Date): void {
  let second = 0;
  let used = 0;
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/__')) return undefined;
    const current = Math.floor(now().getTime() / 1000);
    if (current !== second) [second, used] = [current, 0];
    used += 1;
    void reply.headers({
      'x-ratelimit-limit': BURST_PER_SECOND,
      'x-ratelimit-remaining': Math.max(0, BURST_PER_SECOND - used),
      'x-ratelimit-reset': new Date((second + 1) * 1000).toISOString(),
    });
    if (used <= BURST_PER_SECOND) return undefined;
    void reply.headers({ 'retry-after': 1, 'ratelimit-reason': 'jira-burst-based' });
    throw new JiraError(429, 'Rate limit exceeded.');
  });
}

function isAuthorized(header: string | undefined, email: string, apiToken: string): boolean {
  const expected = Buffer.from(`Basic ${Buffer.from(`${email}:${apiToken}`).toString('base64')}`);
  const given = Buffer.from(header ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

import { AppError, FindProject, type Project } from '@qa-pms/contracts';
import { type JiraSimulator, startJiraSimulator } from '@qa-pms/simulators';
import { startService, startTestDatabase, stub, type Stub, type TestDatabase, type TestService } from '@qa-pms/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { jiraService } from '../src/service.js';

const CREDENTIALS = { email: 'bot@example.com', apiToken: 'jira-secret-token' };

/** A service of its own database, connected to a simulated Jira of its own. */
export interface JiraFixture {
  jira: JiraSimulator;
  database: TestDatabase;
  service: TestService;
  /** Ids of our projects by their key. */
  projects: Record<string, string>;
  /** What answers for other services. */
  stubs: Stub[];
  stop: () => Promise<void>;
}

const MOMENT = '2026-01-01T00:00:00.000Z';

function projectStub(projects: Record<string, string>): Stub {
  return stub(FindProject, ({ key }): Project => {
    const id = projects[key];
    if (id === undefined) throw new AppError('PROJECT_NOT_FOUND', { key });
    return projectOf(id, key);
  });
}

export function projectOf(id: string, key: string): Project {
  return { id, key, name: key, description: null, createdAt: MOMENT, updatedAt: MOMENT, rowVersion: 1 };
}

/** `findProject` answers for identity where that is not to have DEMO and OTHER. */
export async function startJira(
  settings: Record<string, string> = {},
  stubs: Stub[] = [],
  findProject?: Stub,
): Promise<JiraFixture> {
  const jira = await startJiraSimulator(CREDENTIALS);
  const database = await startTestDatabase();
  const projects = { DEMO: uuidv7(), OTHER: uuidv7() };
  const answers = [findProject ?? projectStub(projects), ...stubs];
  const service = await startService(jiraService, {
    databaseUrl: database.url,
    settings: { ...connectionTo(jira.url), JIRA_SYNC_SECONDS: '1', ...settings },
    stubs: answers,
  });
  const stop = async (): Promise<void> => {
    await service.stop();
    await database.stop();
    await jira.stop();
  };
  return { jira, database, service, projects, stubs: answers, stop };
}

function connectionTo(siteUrl: string): Record<string, string> {
  return {
    JIRA_SITE_URL: siteUrl,
    JIRA_EMAIL: CREDENTIALS.email,
    JIRA_API_TOKEN: CREDENTIALS.apiToken,
    JIRA_PROJECT_KEYS: 'DEMO',
    JIRA_HTTP_PRIVATE_HOSTS: '127.0.0.1',
    JIRA_HTTP_BREAKER_OPEN_MS: '500',
    JIRA_CONNECTIONS: JSON.stringify([
      {
        site_url: siteUrl,
        email: CREDENTIALS.email,
        api_token: CREDENTIALS.apiToken,
        project_keys: ['OTHER'],
        project: 'OTHER',
      },
    ]),
  };
}

/** Asks until the answer is as expected. Throws with the last answer after 10 s. */
export async function eventually<T>(ask: () => Promise<T>, isExpected: (answer: T) => boolean): Promise<T> {
  const limit = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (isExpected(answer)) return answer;
    if (Date.now() > limit) throw new Error(`Still not as expected: ${JSON.stringify(answer).slice(0, 500)}`);
    await sleep(50);
  }
}

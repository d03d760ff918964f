import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type JiraSimulator, startJiraSimulator } from '@qa-pms/simulators';
import type { HttpClient } from '@qa-pms/http';
import { JiraClient, jiraSite, jqlValue } from './jira.client.js';
import { JiraHttpSettings } from './jira.settings.js';
import { readSearchPage } from './jira.schema.js';
import { changedJql, wholeJql } from './sync/sync-plan.js';
import { markdownToAdf } from './text/markdown-to-adf.js';

const CREDENTIALS = { email: 'bot@example.com', apiToken: 'right' };

describe('JiraClient', () => {
  let jira: JiraSimulator;
  let site: HttpClient;
  let client: JiraClient;

  beforeAll(async () => {
    jira = await startJiraSimulator(CREDENTIALS);
    const settings = Object.assign(new JiraHttpSettings(), { retryDelayMs: 1, privateHosts: ['127.0.0.1'] });
    site = jiraSite(`${jira.url}/`, settings);
    client = new JiraClient(site, CREDENTIALS);
  });

  afterAll(async () => {
    await site.close();
    await jira.stop();
  });

  afterEach(() => {
    jira.fault(null);
  });

  it('reads a whole project and what changed in it', async () => {
    const whole = await client.search(wholeJql(['DEMO', 'OTHER']), null);
    const changed = await client.search(changedJql(['DEMO'], new Date(Date.now() - 86_400_000), new Date()), null);

    expect(whole.issues).toHaveLength(44);
    expect(whole.nextPageToken).toBeNull();
    expect(changed.issues.length).toBeGreaterThan(0);
    expect(changed.issues.length).toBeLessThan(20);
  });

  it('reads an issue with what is used of it', async () => {
    const issue = await client.issue('DEMO-3');

    expect(issue).toMatchObject({
      key: 'DEMO-3',
      type: 'Bug',
      status: { name: 'In QA', categoryKey: 'indeterminate', categoryId: 4 },
      priority: 'Highest',
      components: ['booking', 'rates'],
      assignee: { displayName: 'Quinn Abara', email: 'qa@example.com' },
    });
    expect(issue?.comments).toHaveLength(2);
  });

  it('answers null for an issue that is not there', async () => {
    expect([await client.issue('DEMO-999'), await client.transitions('DEMO-999')]).toEqual([null, null]);
  });

  it('lists the projects', async () => {
    expect(await client.projectKeys()).toEqual(['DEMO', 'OTHER']);
  });

  it('tries reading again, and writing not', async () => {
    jira.fault({ kind: '5xx', count: 2 });
    const page = await client.search(wholeJql(['OTHER']), null);
    jira.fault({ kind: '5xx', count: 1 });
    const writing = client.addComment('OTHER-1', markdownToAdf('x'), []);

    await expect(writing).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect(page.issues).toHaveLength(4);
    expect(jira.store.get('OTHER-1').comments).toEqual([]);
  });

  it('passes on why Jira refused a change', async () => {
    await expect(client.applyTransition('DEMO-2', '1')).rejects.toMatchObject({
      code: 'TICKET_CHANGE_REFUSED',
      details: { key: 'DEMO-2', reasons: ["Transition id '1' is not valid for this issue."] },
    });
  });

  it('says when the credentials are wrong', async () => {
    const wrong = new JiraClient(site, { email: 'bot@example.com', apiToken: 'wrong' });

    await expect(wrong.projectKeys()).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' });
  });
});

describe('readSearchPage', () => {
  it('takes no answer for an empty project that does not list issues', () => {
    expect(() => readSearchPage({ errorMessages: [] })).toThrow('no list of issues');
    expect(readSearchPage({ issues: [] })).toEqual({ issues: [], nextPageToken: null });
  });
});

describe('jqlValue', () => {
  it('cannot be left', () => {
    expect(jqlValue('a" OR project = "B\\')).toBe('"a\\" OR project = \\"B\\\\"');
  });
});

describe('changedJql', () => {
  it('goes back in whole minutes, and a little further', () => {
    const now = new Date('2026-01-17T12:00:00Z');

    expect(changedJql(['A', 'B'], new Date('2026-01-17T11:58:30Z'), now)).toBe(
      'project in ("A", "B") AND updated >= "-7m" ORDER BY updated ASC',
    );
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type JiraSimulator, startJiraSimulator } from './jira-simulator.js';

const CREDENTIALS = { email: 'qa@example.com', apiToken: 'right' };
const AUTHORIZATION = `Basic ${Buffer.from('qa@example.com:right').toString('base64')}`;

let folder: string;
let jira: JiraSimulator;

async function call(path: string, body?: unknown, authorization = AUTHORIZATION) {
  const response = await fetch(`${jira.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
}

describe('the simulated Jira', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'issues-'));
    const issue = {
      id: '7',
      key: 'OLD-7',
      fields: {
        summary: 'Loaded',
        description: 'text',
        status: { id: '99', name: 'Triage', statusCategory: { id: 2, name: 'To Do' } },
        created: '2021-03-10T06:04:34.014-0600',
        updated: '2021-04-14T09:58:54.133-0500',
        project: { key: 'OLD' },
      },
    };
    writeFileSync(join(folder, 'a.json'), JSON.stringify([issue]));
    writeFileSync(join(folder, 'b.json'), JSON.stringify({ issues: [{ ...issue, id: '8', key: 'OLD-8' }] }));
    jira = await startJiraSimulator({ ...CREDENTIALS, issuesDir: folder });
  });

  afterAll(async () => {
    await jira.stop();
    rmSync(folder, { recursive: true });
  });

  afterEach(() => {
    jira.fault(null);
  });

  it('demands the e-mail address and the token', async () => {
    const wrong = await call('/rest/api/3/myself', undefined, 'Basic d3Jvbmc6d3Jvbmc=');

    expect(wrong.status).toBe(401);
    expect(wrong.body.errorMessages).toHaveLength(1);
    expect((await call('/rest/api/3/myself')).body.displayName).toBe('Quinn Abara');
  });

  it('pages a search by token, each issue once', async () => {
    const keys: string[] = [];
    let nextPageToken: string | undefined;
    do {
      const query = { jql: 'project = DEMO ORDER BY key', fields: ['summary'], maxResults: 7, nextPageToken };
      const { body } = await call('/rest/api/3/search/jql', query);
      keys.push(...body.issues.map((issue: { key: string }) => issue.key));
      nextPageToken = body.nextPageToken;
      expect(body.isLast).toBe(nextPageToken === undefined);
    } while (nextPageToken);

    const { body } = await call('/rest/api/3/search/approximate-count', { jql: 'project = DEMO' });
    expect(keys).toHaveLength(body.count);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThanOrEqual(40);
  });

  it('answers ids only where no field is asked for', async () => {
    const { body } = await call('/rest/api/3/search/jql?jql=key%3DDEMO-1');

    expect(body).toEqual({ issues: [{ id: '20001' }], isLast: true });
  });

  it('has taken the old search away', async () => {
    expect((await call('/rest/api/3/search?jql=project%3DDEMO')).status).toBe(410);
  });

  it('holds loaded issues with their own keys and statuses, and moves them', async () => {
    const { body } = await call('/rest/api/3/issue/OLD-7/transitions');
    const { id } = body.transitions.find((one: { to: { name: string } }) => one.to.name === 'In QA');
    const applied = await call('/rest/api/3/issue/OLD-7/transitions', { transition: { id } });

    const moved = await call('/rest/api/3/issue/OLD-7?fields=status,updated');
    expect(applied.status).toBe(204);
    expect(moved.body.fields.status.name).toBe('In QA');
    expect(Date.parse(moved.body.fields.updated)).toBeGreaterThan(Date.now() - 60_000);
    expect((await call('/rest/api/3/issue/OLD-8')).body.fields.status.name).toBe('Triage');
  });

  it('refuses a transition that is not there', async () => {
    const { status, body } = await call('/rest/api/3/issue/DEMO-1/transitions', { transition: { id: '1' } });

    expect([status, body.errorMessages]).toEqual([400, ["Transition id '1' is not valid for this issue."]]);
  });

  it('answers 404 for an issue that is not there', async () => {
    expect((await call('/rest/api/3/issue/DEMO-9999')).status).toBe(404);
  });

  it('takes comments in document format only', async () => {
    const body = { type: 'doc', version: 1, content: [{ type: 'paragraph', content: [] }] };
    const properties = [{ key: 'mark', value: { id: '1' } }];

    const refused = await call('/rest/api/3/issue/DEMO-2/comment', { body: 'text' });
    const taken = await call('/rest/api/3/issue/DEMO-2/comment', { body, properties });

    const listed = await call('/rest/api/3/comment/list?expand=properties', { ids: [Number(taken.body.id)] });
    expect([refused.status, refused.body.errors]).toEqual([400, { comment: 'Comment body is not valid!' }]);
    expect(taken.status).toBe(201);
    expect(listed.body.values[0].properties).toEqual(properties);
  });

  it('refuses a worklog whose start ends in Z', async () => {
    const refused = await call('/rest/api/3/issue/DEMO-2/worklog', {
      timeSpentSeconds: 120,
      started: '2026-01-17T12:34:00.000Z',
    });
    const taken = await call('/rest/api/3/issue/DEMO-2/worklog', {
      timeSpentSeconds: 120,
      started: '2026-01-17T12:34:00.000+0000',
    });

    expect([refused.status, Object.keys(refused.body.errors)]).toEqual([400, ['started']]);
    expect(taken.status).toBe(201);
  });

  it('fetches many issues at once and names those that are missing', async () => {
    const { body } = await call('/rest/api/3/issue/bulkfetch', {
      issueIdsOrKeys: ['DEMO-1', 'NO-1'],
      fields: ['summary'],
    });

    expect(body.issues.map((issue: { key: string }) => issue.key)).toEqual(['DEMO-1']);
    expect(body.issueErrors).toHaveLength(1);
  });

  it('lists its projects', async () => {
    const { body } = await call('/rest/api/3/project/search');

    expect(body.values.map((project: { key: string }) => project.key)).toEqual(['DEMO', 'OLD', 'OTHER']);
  });

  it('fails on demand, as often as it was told', async () => {
    await call('/__faults', { kind: '429', count: 1, path: '/myself' });

    const elsewhere = await call('/rest/api/3/project/search');
    const first = await call('/rest/api/3/myself');
    const second = await call('/rest/api/3/myself');

    expect([elsewhere.status, first.status, second.status]).toEqual([200, 429, 200]);
    expect(first.headers.get('retry-after')).toBe('1');
    expect(first.headers.get('x-ratelimit-reset')).toMatch(/^\d{4}-/);
  });

  it.each([
    ['5xx', 500],
    ['401', 401],
  ] as const)('answers a %s on demand', async (kind, status) => {
    jira.fault({ kind });

    expect((await call('/rest/api/3/myself')).status).toBe(status);
  });

  it('resets connections and sends garbage on demand', async () => {
    jira.fault({ kind: 'reset' });
    await expect(call('/rest/api/3/myself')).rejects.toThrow('fetch failed');

    jira.fault({ kind: 'garbage' });
    await expect(call('/rest/api/3/myself')).rejects.toThrow(SyntaxError);
  });

  it('refuses a fault that it does not know', async () => {
    expect((await call('/__faults', { kind: 'flood' })).status).toBe(400);
  });
});

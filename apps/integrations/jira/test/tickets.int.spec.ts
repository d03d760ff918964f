import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError, FindProject, GetMe, GetTicket, ListTickets, type Me } from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { startService, stub, testCaller } from '@qa-pms/testing';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { jiraService } from '../src/service.js';
import { eventually, type JiraFixture, projectOf, startJira } from './jira.fixture.js';

const QUINN = '712020:0a1b2c3d-0001-4000-8000-000000000001';

describe('tickets', () => {
  let fixture: JiraFixture;
  let caller: Caller;
  let me: Pick<Me, 'email' | 'jiraAccountId'>;

  const list = (query: Partial<ListTickets> = {}, as = caller) =>
    fixture.service.request(ListTickets, query, { caller: as });
  const get = (key: string, as = caller) => fixture.service.request(GetTicket, { key }, { caller: as });
  const synced = () => eventually(list, (page) => page.pagination.totalItems >= 40 && !page.freshness.stale);

  beforeAll(async () => {
    fixture = await startJira({}, [stub(GetMe, () => me as Me)]);
    caller = testCaller({ projectId: fixture.projects['DEMO'], roles: ['qa'] });
    await synced();
  });

  afterAll(() => fixture.stop());

  afterEach(() => {
    fixture.jira.fault(null);
  });

  it('are listed with totals, page by page', async () => {
    // Of a sync that a busy machine delays, the next one makes good.
    const first = await eventually(
      () => list({ page: 1, pageSize: 15, sortBy: 'key' }),
      ({ freshness }) => !freshness.stale,
    );
    const third = await list({ page: 3, pageSize: 15, sortBy: 'key' });
    const behind = await list({ page: 99, pageSize: 15 });

    expect(first.pagination).toEqual({ page: 1, pageSize: 15, totalItems: 40, totalPages: 3 });
    expect(first.data.map((ticket) => ticket.key).slice(0, 3)).toEqual(['DEMO-1', 'DEMO-2', 'DEMO-3']);
    expect(third.data.at(-1)?.key).toBe('DEMO-40');
    expect([behind.data, behind.pagination.totalItems]).toEqual([[], 40]);
    expect(first.freshness).toMatchObject({ source: 'jira', stale: false });
  });

  it('have in lists what lists show', async () => {
    const { data } = await list({ q: 'plus sign', pageSize: 1 });

    expect(data[0]).toEqual({
      key: 'DEMO-1',
      title: 'Guest with a plus sign in the e-mail address cannot complete a booking',
      type: 'Bug',
      status: 'ready_for_qa',
      jiraStatus: 'Ready for QA',
      priority: 'High',
      components: ['booking'],
      assignee: { id: QUINN, displayName: 'Quinn Abara' },
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      url: `${fixture.jira.url}/browse/DEMO-1`,
    });
  });

  it('are found by state, type, component, words and assignee', async () => {
    const byStatus = await list({ status: 'uat', pageSize: 100 });
    const byType = await list({ type: 'Task', pageSize: 100 });
    const byComponent = await list({ component: 'rates', pageSize: 100 });
    const nobody = await list({ assignee: 'none', pageSize: 100 });
    const quinn = await list({ assignee: QUINN, pageSize: 100 });

    expect(byStatus.data.every((ticket) => ticket.status === 'uat')).toBe(true);
    expect(byType.data.every((ticket) => ticket.type === 'Task')).toBe(true);
    expect(byComponent.data.every((ticket) => ticket.components.includes('rates'))).toBe(true);
    expect(nobody.data.every((ticket) => ticket.assignee === null)).toBe(true);
    expect(quinn.data.every((ticket) => ticket.assignee?.id === QUINN)).toBe(true);
    const counts = [byStatus, byType, byComponent, nobody, quinn].map((page) => page.data.length);
    expect(Math.min(...counts)).toBeGreaterThan(2);
    expect(Math.max(...counts)).toBeLessThan(40);
  });

  it('are found by every word, and wildcards are none', async () => {
    const words = await list({ q: 'ROOM dirty' });
    const wildcards = await list({ q: '%' });
    const underscore = await list({ q: 'DEMO_1' });

    expect(words.data.map((ticket) => ticket.key)).toContain('DEMO-9');
    expect(wildcards.data.every((ticket) => ticket.key !== 'DEMO-9')).toBe(true);
    expect(underscore.pagination.totalItems).toBe(0);
  });

  it('sort by urgency', async () => {
    const { data } = await list({ sortBy: '-priority', pageSize: 100 });

    const order = ['Highest', 'High', 'Medium', 'Low'];
    const ranks = data.map((ticket) => order.indexOf(ticket.priority ?? ''));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });

  it('are mine by the account of my profile, by my address, or not at all', async () => {
    me = { jiraAccountId: QUINN, email: null };
    const byAccount = await list({ assignee: 'me' });
    me = { jiraAccountId: null, email: 'QA@example.com' };
    const byEmail = await list({ assignee: 'me' });
    me = { jiraAccountId: null, email: null };
    const unknown = await list({ assignee: 'me' });

    expect(byAccount.pagination.totalItems).toBeGreaterThan(5);
    expect(byEmail.pagination.totalItems).toBe(byAccount.pagination.totalItems);
    expect(unknown.data).toEqual([]);
  });

  it('are told whole', async () => {
    const ticket = await eventually(
      () => get('DEMO-1'),
      ({ freshness }) => !freshness.stale,
    );

    expect(ticket.descriptionMarkdown).toContain('## Steps to reproduce\n\n1. Open the booking page');
    expect(ticket.descriptionMarkdown).toContain('```json\n{');
    expect(ticket.acceptanceCriteria.map((one) => one.format)).toEqual(['gherkin']);
    expect(ticket.comments.map((comment) => comment.author?.displayName)).toEqual(['Ravi Holm', 'Tomás Brandt']);
    expect(ticket.attachments[0]).toMatchObject({ filename: 'booking-error.png', sizeBytes: 48_213 });
    expect(ticket.labels).toEqual(['regression', 'checkout']);
    expect(ticket.dueDate).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(ticket.freshness.stale).toBe(false);
  });

  it('stay within their project', async () => {
    const other = testCaller({ projectId: fixture.projects['OTHER'], roles: ['qa'] });
    const stranger = testCaller({ projectId: uuidv7(), roles: ['qa'] });

    const page = await eventually(
      () => list({}, other),
      (found) => found.pagination.totalItems === 4,
    );
    expect(page.data.every((ticket) => ticket.key.startsWith('OTHER-'))).toBe(true);
    await expect(get('DEMO-1', other)).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
    await expect(get('OTHER-1')).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
    expect((await list({}, stranger)).pagination.totalItems).toBe(0);
    await expect(get('DEMO-1', stranger)).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
  });

  it('follow what changes in Jira', async () => {
    fixture.jira.store.change('DEMO-4', { summary: 'Renamed in Jira' });

    const ticket = await eventually(
      () => get('DEMO-4'),
      (found) => found.title === 'Renamed in Jira',
    );

    expect(ticket.key).toBe('DEMO-4');
  });

  it('stay readable while Jira is down, and become stale', async () => {
    fixture.jira.fault({ kind: '5xx' });

    const page = await eventually(list, (found) => found.freshness.stale);

    expect(page.pagination.totalItems).toBe(40);
    expect((await get('DEMO-1')).freshness.stale).toBe(true);
    // The first once the circuit breaker is open, the second while it is not.
    await expect(get('DEMO-999')).rejects.toMatchObject({
      code: expect.stringMatching(/^UPSTREAM_(UNAVAILABLE|FAILED)$/),
      details: { upstream: 'jira' },
    });
    fixture.jira.fault(null);
    await eventually(list, (found) => !found.freshness.stale);
  });

  it('answer 404 for what Jira does not have', async () => {
    await expect(get('DEMO-999')).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND', details: { key: 'DEMO-999' } });
  });

  it('need the permission to read them', async () => {
    const viewer = testCaller({ projectId: fixture.projects['DEMO'], roles: ['event_viewer'] });

    await expect(list({}, viewer)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('vanish when they vanished in Jira, at the next whole sync', async () => {
    fixture.jira.store.remove('DEMO-40');
    const again = await startService(jiraService, {
      databaseUrl: fixture.database.url,
      settings: {
        JIRA_SITE_URL: fixture.jira.url,
        JIRA_EMAIL: 'bot@example.com',
        JIRA_API_TOKEN: 'jira-secret-token',
        JIRA_PROJECT_KEYS: 'DEMO',
        JIRA_HTTP_PRIVATE_HOSTS: '127.0.0.1',
      },
      stubs: fixture.stubs,
    });

    const page = await eventually(list, (found) => found.pagination.totalItems === 39);

    await again.stop();
    expect(page.pagination.totalItems).toBe(39);
  });
});

describe('tickets of several Jira projects in one of ours', () => {
  it('change no page where their times and numbers are the same', async () => {
    const fixture = await startJira({
      JIRA_PROJECT_KEYS: 'DEMO,OTHER',
      JIRA_CONNECTIONS: '',
      JIRA_SYNC_SECONDS: '3600',
    });
    const caller = testCaller({ projectId: fixture.projects['DEMO'], roles: ['qa'] });
    const keys = async (query: ListTickets) => {
      const { data } = await fixture.service.request(ListTickets, query, { caller });
      return data.map(({ key }) => key);
    };
    await eventually(
      () => keys({ pageSize: 100 }),
      ({ length }) => length === 44,
    );
    const client = new pg.Client({ connectionString: fixture.database.url });
    await client.connect();
    await client.query(`SET qa.all_projects = 'on'`);
    await client.query('UPDATE jira.tickets SET jira_updated_at = now(), urgency = 1');
    await client.end();
    const [up, down] = [await keys({ sortBy: 'key', pageSize: 100 }), await keys({ sortBy: '-key', pageSize: 100 })];

    const orders = ['updated_at', '-updated_at', 'priority', '-priority'] as const;
    const paged = orders.map(async (sortBy) => {
      const pages = [1, 2, 3].map((page) => keys({ sortBy, page, pageSize: 15 }));
      return (await Promise.all(pages)).flat();
    });

    expect(up).toHaveLength(44);
    expect(down).toEqual(up.toReversed());
    expect(await Promise.all(paged)).toEqual([up, down, down, down]);
    await fixture.stop();
  });
});

describe('tickets of a project that is not known yet', () => {
  it('are found as soon as identity knows it', async () => {
    const projectId = uuidv7();
    let project = (): string => {
      throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'identity' });
    };
    const asked = stub(FindProject, ({ key }) => projectOf(project(), key));
    const fixture = await startJira({ JIRA_CONNECTIONS: '' }, [], asked);
    const caller = testCaller({ projectId, roles: ['qa'] });
    const get = async () => {
      const ticket = fixture.service.request(GetTicket, { key: 'DEMO-1' }, { caller });
      const [outcome] = await Promise.allSettled([ticket]);
      return outcome.status === 'rejected' ? (outcome.reason as AppError).code : outcome.value.key;
    };

    const unreachable = await get();
    project = () => {
      throw new AppError('PROJECT_NOT_FOUND');
    };
    const missing = await get();
    project = () => projectId;
    const made = await get();
    await fixture.stop();

    expect([unreachable, missing, made]).toEqual(['UPSTREAM_UNAVAILABLE', 'TICKET_NOT_FOUND', 'DEMO-1']);
  });
});

describe('without a configured Jira', () => {
  it('there are no tickets, and the service runs', async () => {
    const none = { JIRA_SITE_URL: '', JIRA_EMAIL: '', JIRA_API_TOKEN: '', JIRA_CONNECTIONS: '' };
    const fixture = await startJira(none);
    const caller = testCaller({ roles: ['qa'] });

    const page = await fixture.service.request(ListTickets, {}, { caller });
    const health = await eventually(
      () => fixture.service.http.inject({ method: 'GET', url: '/health/ready' }),
      ({ statusCode }) => statusCode === 200,
    );

    expect([page.pagination.totalItems, page.freshness]).toEqual([0, { source: 'jira', fetchedAt: null, stale: true }]);
    expect(health.statusCode).toBe(200);
    await expect(fixture.service.request(GetTicket, { key: 'DEMO-1' }, { caller })).rejects.toMatchObject({
      code: 'TICKET_NOT_FOUND',
    });
    await fixture.stop();
  });
});

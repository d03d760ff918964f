import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Estimate, Report, Template, Ticket, TicketSummary, Workflow } from '@qa-pms/contracts';
import { describeWithKafka } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { timesAfter } from './checks.js';
import { startAllInOneSystem, startDistributedSystem, type System } from './system.js';

interface List<T> {
  data: T[];
  pagination: { totalItems: number };
}

describe('the main job in one process', () => {
  mainJob(() => startAllInOneSystem());
});

describeWithKafka('the main job in separate processes over Kafka', (kafka) => {
  mainJob(() => startDistributedSystem(kafka().brokers));
});

/** What a person does, from a ticket to its report. */
function mainJob(startSystem: () => Promise<System>): void {
  let system: System;
  let qa: Api;
  let lead: Api;
  let tickets: TicketSummary[];

  const start = async (api: Api, ticketKey: string): Promise<Workflow> => {
    const { status, body } = await api.post<Workflow>('/workflows', { ticketKey });
    expect(status).toBe(201);
    return body;
  };

  beforeAll(async () => {
    system = await startSystem();
    qa = await system.signIn('qa');
    lead = await system.signIn('lead');
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const { body } = await qa.get<List<TicketSummary>>('/tickets?page_size=100');
      tickets = body.data;
      if (tickets.length > 0) break;
      await sleep(100);
    }
  }, 180_000);

  afterAll(() => system.stop(), 60_000);

  it('says who is signed in and what they may do', async () => {
    const { status, body } = await qa.get<{ username: string; projects: { key: string }[]; permissions: string[] }>(
      '/auth/me',
    );

    expect(status).toBe(200);
    expect(body).toMatchObject({ username: 'qa', projects: [{ key: 'DEMO' }] });
    expect(body.permissions).toContain('workflows:write');
  });

  it('lists tickets by state and opens one', async () => {
    const { body: list } = await qa.get<List<TicketSummary>>('/tickets?status=ready_for_qa');
    const key = list.data[0]?.key ?? '';
    const { status, body: ticket } = await qa.get<Ticket>(`/tickets/${key}`);

    expect(list.data.every((one) => one.status === 'ready_for_qa')).toBe(true);
    expect(list.pagination.totalItems).toBeGreaterThan(0);
    expect(status).toBe(200);
    expect(ticket).toMatchObject({ key, freshness: { source: 'jira', stale: false } });
    expect(ticket.descriptionMarkdown).not.toBe('');
  });

  it('runs a workflow from its start to a final report', async () => {
    const bug = tickets.find(({ type }) => type === 'Bug');
    let workflow = await start(qa, bug?.key ?? '');
    expect(workflow).toMatchObject({ status: 'active', currentStepIndex: 0, template: { name: 'Bug fix' } });

    const again = await qa.post('/workflows', { ticketKey: bug?.key });
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'WORKFLOW_ALREADY_ACTIVE', details: { workflowId: workflow.id, status: 'active' } },
    });

    await sleep(1_100);
    const notes = 'Nur mit „+“ im Namen 🙂 \u202Eabc';
    const bugs = [{ title: 'Message is cut off', severity: 'medium', component: 'booking' }];
    ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/steps/0/complete`, {
      notes,
      bugs,
      outcome: 'failed',
    }));
    expect(workflow.steps[0]).toMatchObject({ status: 'completed', outcome: 'failed', notes });
    expect(workflow.steps[1]).toMatchObject({ status: 'in_progress' });

    ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/pause`));
    expect(workflow.status).toBe('paused');
    await sleep(1_100);
    ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/resume`));
    ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/steps/1/skip`, {
      reason: 'No logs on staging.',
    }));

    const early = await qa.post(`/workflows/${workflow.id}/complete`);
    expect(early).toMatchObject({
      status: 409,
      body: { code: 'WORKFLOW_STEPS_OPEN', details: { openSteps: [2, 3, 4] } },
    });

    for (const index of [2, 3, 4])
      ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/steps/${String(index)}/complete`));
    ({ body: workflow } = await qa.post<Workflow>(`/workflows/${workflow.id}/complete`, { gapReasons: [] }));
    expect(workflow).toMatchObject({ status: 'completed', outcome: 'failed' });

    const time = await timesAfter(qa, workflow.id, workflow.rowVersion);
    expect(time.steps[0]?.seconds).toBeGreaterThanOrEqual(1);
    expect(time.pausedSeconds).toBeGreaterThanOrEqual(1);
    expect(time.totalSeconds).toBe(time.steps.reduce((sum, { seconds }) => sum + seconds, 0));

    const report = await reportWithTimes(qa, workflow.id);
    expect(report.content.time?.totalSeconds).toBe(time.totalSeconds);
    const withoutVersion = await qa.patch(`/reports/${report.id}`, { strategies: 'Exploratory' });
    expect(withoutVersion).toMatchObject({ status: 428, body: { code: 'PRECONDITION_REQUIRED' } });
    const { body: edited } = await qa.patch<Report>(
      `/reports/${report.id}`,
      { strategies: 'Exploratory' },
      { 'if-match': `"${String(report.rowVersion)}"` },
    );
    expect(edited.content.strategies).toBe('Exploratory');
    const unread = await qa.post(`/reports/${report.id}/finalise`);
    expect(unread).toMatchObject({ status: 428, body: { code: 'PRECONDITION_REQUIRED' } });
    const { body: final } = await qa.post<Report>(
      `/reports/${report.id}/finalise`,
      {},
      { 'if-match': `"${String(edited.rowVersion)}"` },
    );
    expect(final.status).toBe('final');
    const late = await qa.patch(
      `/reports/${report.id}`,
      { notes: 'x' },
      { 'if-match': `"${String(final.rowVersion)}"` },
    );
    expect(late).toMatchObject({ status: 409, body: { code: 'REPORT_FINAL' } });

    const markdown = await qa.get(`/reports/${report.id}/export?format=md`);
    expect(markdown.headers.get('content-disposition')).toContain(`QA-${workflow.ticketKey}-report-`);
    expect(markdown.text).toContain(notes);
    const html = await qa.get(`/reports/${report.id}/export?format=html`);
    expect(html.text).toMatch(/^<!doctype html>/);
  });

  it('hands a paused workflow over with its notes and times', async () => {
    const story = tickets.find(({ type }) => type !== 'Bug');
    const qa2 = await system.signIn('qa2');
    const started = await start(qa, story?.key ?? '');
    await qa.post(`/workflows/${started.id}/pause`);

    const { status, body: passed } = await qa.post<Workflow>(`/workflows/${started.id}/handover`, {
      toUserId: qa2.userId,
      note: 'Your turn.',
    });
    const seen = await qa.get(`/workflows/${started.id}`);
    const resumed = await qa2.post<Workflow>(`/workflows/${started.id}/resume`);
    const cancelled = await qa2.post<Workflow>(`/workflows/${started.id}/cancel`);

    expect(status).toBe(200);
    expect(passed).toMatchObject({ userId: qa2.userId, status: 'paused' });
    expect(seen.status).toBe(404);
    expect(resumed.body.status).toBe('active');
    expect(cancelled.body.status).toBe('cancelled');
  });

  it('estimates the steps of a template that nobody has used', async () => {
    const { body: template } = await lead.post<Template>('/workflows/templates', {
      name: 'Unused',
      steps: [{ name: 'Look', description: '', estimateSeconds: 700 }],
    });

    const { status, body: all } = await qa.get<{ data: Estimate[] }>('/time/estimates');
    const { body: one } = await qa.get<{ data: Estimate[] }>(`/time/estimates?template_id=${template.id}`);

    expect(status).toBe(200);
    expect(all.data.filter(({ templateId }) => templateId === template.id)).toEqual(one.data);
    expect(one.data[0]).toMatchObject({ stepIndex: 0, userId: null, p50Seconds: 700, samples: 0, p80HeldRate: null });
  });

  it('keeps the template that a workflow started with', async () => {
    const { body: template } = await lead.post<Template>('/workflows/templates', {
      name: 'Hotfix check',
      ticketType: 'Hotfix',
      steps: [{ name: 'Check', description: '', estimateSeconds: 60 }],
    });
    const ticketKey = tickets[4]?.key;
    const { body: workflow } = await qa.post<Workflow>('/workflows', { ticketKey, templateId: template.id });
    const steps = [{ name: 'Look', description: '', estimateSeconds: 30 }];
    const changed = await lead.send<Template>(
      'PUT',
      `/workflows/templates/${template.id}`,
      { name: 'Hotfix', steps },
      { 'if-match': '"1"' },
    );
    const { body: unchanged } = await qa.get<Workflow>(`/workflows/${workflow.id}`);

    expect(changed.body.version).toBe(2);
    expect(unchanged.steps.map(({ name }) => name)).toEqual(['Check']);
    expect(unchanged.template.version).toBe(1);
    await qa.post(`/workflows/${workflow.id}/cancel`);
  });

  it('starts one workflow of 50 parallel starts, and completes a step once of 50', async () => {
    const ticketKey = tickets[6]?.key;
    const starts = await Promise.all(Array.from({ length: 50 }, () => qa.post<Workflow>('/workflows', { ticketKey })));
    const started = starts.filter(({ status }) => status === 201);
    const id = started[0]?.body.id ?? '';
    const completions = await Promise.all(
      Array.from({ length: 50 }, () => qa.post(`/workflows/${id}/steps/0/complete`)),
    );
    const { body: workflow } = await qa.get<Workflow>(`/workflows/${id}`);

    expect(started).toHaveLength(1);
    expect(starts.filter(({ status }) => status === 409)).toHaveLength(49);
    expect(completions.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(completions.filter(({ status }) => status === 409)).toHaveLength(49);
    expect(workflow.rowVersion).toBe(2);
    await qa.post(`/workflows/${id}/cancel`);
  });

  it('answers a repeated Idempotency-Key with the first answer', async () => {
    const ticketKey = tickets[8]?.key;
    const key = { 'idempotency-key': `key-${Date.now().toString(36)}` };

    const first = await qa.post<Workflow>('/workflows', { ticketKey }, key);
    const second = await qa.post<Workflow>('/workflows', { ticketKey }, key);
    const other = await qa.post('/workflows', { ticketKey, onActive: 'restart' }, key);

    expect(first.status).toBe(201);
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    await qa.post(`/workflows/${first.body.id}/cancel`);
  });

  it("shows nobody another project's rows", async () => {
    const workflow = await start(qa, tickets[10]?.key ?? '');
    const elsewhere = await system.signIn('qa2', 'OTHER');
    const outsider = await system.signIn('qa', 'OTHER');

    expect(await elsewhere.get(`/workflows/${workflow.id}`)).toMatchObject({
      status: 404,
      body: { code: 'WORKFLOW_NOT_FOUND' },
    });
    expect(await outsider.get('/tickets')).toMatchObject({ status: 404, body: { code: 'PROJECT_NOT_FOUND' } });
    await qa.post(`/workflows/${workflow.id}/cancel`);
  });

  it('demands a token and its permission', async () => {
    const pipeline = await system.signIn('pipeline');
    const anonymous = await fetch(`${system.url}/api/v1/tickets`);

    expect(anonymous.status).toBe(401);
    expect(await pipeline.get('/tickets')).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', details: { permission: 'tickets:read' } },
    });
  });
}

async function reportWithTimes(api: Api, workflowId: string): Promise<Report> {
  for (let attempt = 0; ; attempt += 1) {
    const { status, body } = await api.get<Report>(`/reports/workflow/${workflowId}`);
    expect(status).toBe(200);
    if (body.content.time !== null || attempt > 100) return body;
    await sleep(50);
  }
}

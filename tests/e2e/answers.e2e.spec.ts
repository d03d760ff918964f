import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report, Template, Workflow, WorkflowTime } from '@qa-pms/contracts';
import { describeWithKafka } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { ticketKeys, timesAfter } from './checks.js';
import { startAllInOneSystem, startDistributedSystem, type System } from './system.js';

const ID = expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const TEXT = expect.stringMatching(/./);

/** As the specification has them (product.md, FR-WRK-01). */
const SEEDED = [
  ['Bug fix', 'Bug', ['Reproduce', 'Investigate', 'Test the fix', 'Regression check', 'Document']],
  ['Feature test', null, ['Review requirements', 'Exploratory test', 'Happy path', 'Edge cases', 'Document']],
  ['Regression', null, ['Set up environment', 'Run suite', 'Analyse failures', 'Report']],
] as const;
const STEPS = [
  { name: 'Look', description: 'From afar.', estimateSeconds: 8 },
  { name: 'Check', description: '', estimateSeconds: 72 },
];
/** What the sessions of both steps are corrected to: the first is a gap, the whole is not. */
const SECONDS = [10, 36];
const LINKS = [{ title: 'Log', url: 'https://ci.example.com/run/1' }];
const TESTS = [{ source: 'testmo', id: '4711', title: 'Login' }];
const BUGS = [{ title: 'Message is cut off', severity: 'medium', component: 'booking' }];
const NOTES = 'Only with Firefox.';
const REASON = 'Environment was down.';

interface List<T> {
  data: T[];
}

describe('answers in one process', () => {
  answers(() => startAllInOneSystem());
});

describeWithKafka('answers in separate processes over Kafka', (kafka) => {
  answers(() => startDistributedSystem(kafka().brokers));
});

/** What scripts read: every field by its name, and the values that follow from what was done. */
function answers(startSystem: () => Promise<System>): void {
  let system: System;
  let qa: Api;
  let qa2: Api;
  let lead: Api;
  let keys: string[];

  const nextKey = (): string => keys.shift() ?? '';
  const begin = async (api: Api, ticketKey: string, more: object = {}): Promise<Workflow> => {
    const { status, body } = await api.post<Workflow>('/workflows', { ticketKey, ...more });
    expect(status).toBe(201);
    return body;
  };
  const change = async (workflow: Workflow, path: string, body: object = {}): Promise<Workflow> => {
    const { status, body: changed } = await qa.post<Workflow>(`/workflows/${workflow.id}${path}`, body);
    expect(status).toBe(200);
    return changed;
  };
  const newTemplate = async (name: string): Promise<Template> => {
    const { status, body } = await lead.post<Template>('/workflows/templates', { name, steps: STEPS });
    expect(status).toBe(201);
    return body;
  };
  const cancelled = async (api: Api, ...workflows: Workflow[]): Promise<void> => {
    for (const { id } of workflows) expect((await api.post(`/workflows/${id}/cancel`)).status).toBe(200);
  };

  beforeAll(async () => {
    system = await startSystem();
    [qa, qa2, lead] = await Promise.all([system.signIn('qa'), system.signIn('qa2'), system.signIn('lead')]);
    keys = await ticketKeys(qa, 8);
  }, 180_000);

  afterAll(() => system.stop(), 60_000);

  it('has all demo users in DEMO, and qa2 and admin alone in OTHER', async () => {
    const admin = await system.signIn('admin');
    const { body: projects } = await admin.get<List<{ id: string; key: string }>>('/projects');
    const members: Record<string, unknown> = {};
    for (const { id, key } of projects.data) {
      const { body } = await admin.get<List<{ username: string; roles: string[] }>>(`/projects/${id}/members`);
      members[key] = body.data.map(({ username }) => username).toSorted();
    }

    expect(members).toEqual({
      DEMO: ['admin', 'lead', 'manager', 'pipeline', 'pm', 'po', 'qa', 'qa2', 'support'],
      OTHER: ['admin', 'qa2'],
    });
  });

  it('lists the seeded templates with their steps and estimates', async () => {
    const { status, body } = await qa.get<List<Template>>('/workflows/templates');

    expect(status).toBe(200);
    expect(body).toEqual({
      data: SEEDED.map(([name, ticketType, steps], index) => ({
        id: ID,
        name,
        ticketType,
        description: TEXT,
        version: 1,
        isSeeded: true,
        steps: steps.map((step) => ({ name: step, description: TEXT, estimateSeconds: expect.any(Number) })),
        estimateSeconds: body.data[index]?.steps.reduce((sum, step) => sum + step.estimateSeconds, 0),
        updatedAt: TIME,
      })),
      pagination: { page: 1, pageSize: 20, totalItems: 3, totalPages: 1 },
    });
    expect(body.data.flatMap(({ steps }) => steps).every((step) => step.estimateSeconds > 0)).toBe(true);
  });

  it('adds a template, makes a new version of it, and deletes it; what was started with one keeps that', async () => {
    const first = await newTemplate('Hotfix check');
    const running = await begin(qa, nextKey(), { templateId: first.id });
    const path = `/workflows/templates/${first.id}`;
    const steps = [{ name: 'Glance', description: 'Once.', estimateSeconds: 30 }];
    const content = { name: 'Hotfix', ticketType: 'Hotfix', description: 'The short way.', steps };

    const changed = await lead.send<Template>('PUT', path, content, { 'if-match': '"1"' });
    const read = await qa.get<Template>(path);
    const later = await begin(qa, nextKey(), { templateId: first.id });
    const deleted = await lead.send('DELETE', path, undefined, { 'if-match': '"2"' });
    const gone = await qa.get(path);
    const refused = await qa.post('/workflows', { ticketKey: nextKey(), templateId: first.id });
    const { body: left } = await qa.get<List<Template>>('/workflows/templates');
    const { body: unchanged } = await qa.get<Workflow>(`/workflows/${running.id}`);

    expect(first).toEqual({
      id: ID,
      name: 'Hotfix check',
      ticketType: null,
      description: '',
      version: 1,
      isSeeded: false,
      steps: STEPS,
      estimateSeconds: 80,
      updatedAt: TIME,
    });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expect(changed.body).toEqual({ ...first, ...content, version: 2, estimateSeconds: 30, updatedAt: TIME });
    expect(read.body).toEqual(changed.body);
    expect(later).toMatchObject({ template: { id: first.id, name: 'Hotfix', version: 2 }, steps });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect(gone).toMatchObject({ status: 404, body: { code: 'TEMPLATE_NOT_FOUND' } });
    expect(refused).toMatchObject({ status: 404, body: { code: 'TEMPLATE_NOT_FOUND' } });
    expect(left.data.map(({ name }) => name)).toEqual(SEEDED.map(([name]) => name));
    expect(unchanged).toEqual(running);
    expect(running).toMatchObject({ template: { id: first.id, name: 'Hotfix check', version: 1 }, steps: STEPS });
    await cancelled(qa, running, later);
  });

  it('deletes no seeded template', async () => {
    const { body } = await qa.get<List<Template>>('/workflows/templates');

    const refused = await lead.send('DELETE', `/workflows/templates/${body.data[0]?.id ?? ''}`, undefined, {
      'if-match': '"1"',
    });

    expect(refused).toMatchObject({ status: 409, body: { code: 'TEMPLATE_SEEDED' } });
  });

  it('starts a workflow, and a second time goes on with it or begins anew where that is wished', async () => {
    const { id: templateId } = await newTemplate('Two steps');
    const ticketKey = nextKey();
    const ticket = (await qa.get<{ title: string; type: string }>(`/tickets/${ticketKey}`)).body;
    const started = await begin(qa, ticketKey, { templateId });
    const paused = await change(started, '/pause');

    const refused = await qa.post('/workflows', { ticketKey, templateId });
    const resumed = await qa.post<Workflow>('/workflows', { ticketKey, templateId, onActive: 'resume' });
    const restarted = await qa.post<Workflow>('/workflows', { ticketKey, templateId, onActive: 'restart' });
    const { body: old } = await qa.get<Workflow>(`/workflows/${started.id}`);

    const open = { outcome: null, notes: null, links: [], testsCovered: [], bugs: [], skipReason: null };
    const [first, second] = STEPS;
    expect(started).toEqual({
      id: ID,
      projectId: ID,
      ticketKey,
      ticketTitle: ticket.title,
      ticketType: ticket.type,
      template: { id: templateId, name: 'Two steps', version: 1 },
      userId: qa.userId,
      userDisplayName: 'Quinn Abara',
      status: 'active',
      currentStepIndex: 0,
      steps: [
        { index: 0, ...first, ...open, status: 'in_progress', startedAt: started.startedAt, completedAt: null },
        { index: 1, ...second, ...open, status: 'pending', startedAt: null, completedAt: null },
      ],
      outcome: null,
      startedAt: TIME,
      pausedAt: null,
      completedAt: null,
      cancelledAt: null,
      updatedAt: started.startedAt,
      rowVersion: 1,
    });
    expect(paused).toEqual({ ...started, status: 'paused', pausedAt: TIME, updatedAt: paused.pausedAt, rowVersion: 2 });
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'WORKFLOW_ALREADY_ACTIVE', details: { workflowId: started.id, status: 'paused' } },
    });
    expect(resumed.status).toBe(200);
    expect(resumed.body).toEqual({ ...started, updatedAt: TIME, rowVersion: 3 });
    expect(restarted.status).toBe(201);
    expect(restarted.body).toMatchObject({ ticketKey, status: 'active', rowVersion: 1 });
    expect(restarted.body.id).not.toBe(started.id);
    expect(old).toEqual({
      ...started,
      status: 'cancelled',
      cancelledAt: TIME,
      updatedAt: old.cancelledAt,
      rowVersion: 4,
    });
    await cancelled(qa, restarted.body);
  });

  it('says who is on a ticket, and what somebody has open', async () => {
    const ticketKey = nextKey();
    const own = await begin(qa, ticketKey);
    const elsewhere = await begin(qa, nextKey());
    const begun = await begin(qa2, ticketKey);
    const { body: others } = await qa2.post<Workflow>(`/workflows/${begun.id}/pause`);
    const path = `/workflows/active/${ticketKey}`;

    const seen = await Promise.all([qa, qa2, lead].map(async (api) => (await api.get(path)).body));
    const mine = await qa.get('/workflows/user/active?sort_by=started_at');
    const none = await lead.get('/workflows/user/active');

    const first = { workflowId: own.id, userId: qa.userId, displayName: 'Quinn Abara', status: 'active' };
    const second = { workflowId: others.id, userId: qa2.userId, displayName: 'Robin Okafor', status: 'paused' };
    expect(seen[0]).toEqual({ own, others: [second] });
    expect(seen[1]).toEqual({ own: others, others: [first] });
    expect(seen[2]).toEqual({ own: null, others: [first, second] });
    expect(mine.body).toEqual({
      data: [own, elsewhere],
      pagination: { page: 1, pageSize: 20, totalItems: 2, totalPages: 1 },
    });
    expect(none.body).toEqual({ data: [], pagination: { page: 1, pageSize: 20, totalItems: 0, totalPages: 0 } });
    await cancelled(qa, own, elsewhere);
    await cancelled(qa2, others);
  });

  describe('of a workflow that was worked through', () => {
    let template: Template;
    let workflow: Workflow;
    let time: WorkflowTime;

    beforeAll(async () => {
      template = await newTemplate('Measured');
      workflow = await begin(qa, nextKey(), { templateId: template.id });
      const done = { outcome: 'failed', notes: NOTES, links: LINKS, testsCovered: TESTS, bugs: BUGS };
      await change(workflow, '/steps/0/complete', done);
    }, 30_000);

    it('tell the session that runs, that of a paused workflow, and none once the last step has ended', async () => {
      const path = `/time/sessions/${workflow.id}/active`;
      const { body: begun } = await qa.get<Workflow>(`/workflows/${workflow.id}`);
      const { steps } = await timesAfter(qa, workflow.id, begun.rowVersion);
      const running = await qa.get(path);
      const paused = await change(workflow, '/pause');
      await timesAfter(qa, workflow.id, paused.rowVersion);
      const still = await qa.get(path);
      await change(workflow, '/resume');
      workflow = await change(workflow, '/steps/1/complete');
      await timesAfter(qa, workflow.id, workflow.rowVersion);
      const none = await qa.get(path);

      const session = {
        sessionId: steps[1]?.sessions[0]?.id,
        workflowId: workflow.id,
        stepIndex: 1,
        startedAt: begun.steps[1]?.startedAt,
        elapsedSeconds: expect.any(Number),
      };
      expect([running.status, running.body]).toEqual([200, { ...session, status: 'running' }]);
      expect([still.status, still.body]).toEqual([200, { ...session, status: 'paused' }]);
      expect(none).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
    });

    it('tell a correction, and the times with it', async () => {
      const before = await timesAfter(qa, workflow.id, workflow.rowVersion);
      const earlier = Date.parse(workflow.startedAt) - 3_600_000;
      const [look, ...check] = before.steps.flatMap(({ sessions }) => sessions);
      const span = (start: number, seconds: number) => ({
        startedAt: new Date(earlier + start).toISOString(),
        endedAt: new Date(earlier + start + seconds * 1_000).toISOString(),
      });
      // The pause has split the second step.
      const spans = [span(0, 10), span(60_000, 30), span(120_000, 6)];
      const answered = [];
      for (const [index, one] of [look, ...check].entries())
        answered.push(
          await qa.post(`/time/sessions/${one?.id ?? ''}/corrections`, { ...spans[index], reason: 'Late.' }),
        );
      time = (await qa.get<WorkflowTime>(`/time/sessions/${workflow.id}`)).body;

      expect(answered.map(({ status, body }) => [status, body])).toEqual(
        [look, ...check].map((session, index) => [
          201,
          {
            id: ID,
            sessionId: session?.id,
            before: { startedAt: session?.startedAt, endedAt: session?.endedAt },
            after: spans[index],
            reason: 'Late.',
            by: qa.userId,
            at: TIME,
          },
        ]),
      );
      const [first, second, third] = [look, ...check].map((session, index) => ({ id: session?.id, ...spans[index] }));
      expect(time).toEqual({
        workflowId: workflow.id,
        totalSeconds: 46,
        pausedSeconds: expect.any(Number),
        estimateSeconds: 80,
        ratio: 0.575,
        band: 'ok',
        steps: [
          {
            index: 0,
            name: 'Look',
            seconds: 10,
            estimateSeconds: 8,
            ratio: 1.25,
            band: 'over',
            sessions: [{ ...first, seconds: 10 }],
          },
          {
            index: 1,
            name: 'Check',
            seconds: 36,
            estimateSeconds: 72,
            ratio: 0.5,
            band: 'ok',
            sessions: [
              { ...second, seconds: 30 },
              { ...third, seconds: 6 },
            ],
          },
        ],
        proposals: [],
        rowVersion: workflow.rowVersion,
        asOf: TIME,
      });
    });

    it('raise an alert on the step that took too long, which is dismissed and kept', async () => {
      const path = `/time/alerts?workflow_id=${workflow.id}`;

      const { body: raised } = await qa.get<List<{ id: string }>>(path);
      const id = raised.data[0]?.id ?? '';
      const foreign = await qa2.post(`/time/alerts/${id}/dismiss`);
      const dismissed = await qa.post(`/time/alerts/${id}/dismiss`);
      const [open, kept] = [await qa.get(`${path}&status=open`), await qa.get(`${path}&status=dismissed`)];

      const alert = { id: ID, workflowId: workflow.id, ticketKey: workflow.ticketKey, stepIndex: 0, ratio: 1.25 };
      const whole = { ...alert, secondsOver: 2, raisedAt: TIME, dismissedAt: null, dismissedBy: null };
      const one = { page: 1, pageSize: 20, totalItems: 1, totalPages: 1 };
      expect(raised).toEqual({ data: [whole], pagination: one });
      expect(foreign).toMatchObject({ status: 404, body: { code: 'ALERT_NOT_FOUND' } });
      expect(dismissed.status).toBe(200);
      expect(dismissed.body).toEqual({ ...whole, id, dismissedAt: TIME, dismissedBy: qa.userId });
      expect(open.body).toEqual({ data: [], pagination: { page: 1, pageSize: 20, totalItems: 0, totalPages: 0 } });
      expect(kept.body).toEqual({ data: [dismissed.body], pagination: one });
    });

    it('are in the history, page by page, and in its averages, its trend and its estimates', async () => {
      const of = `template_id=${template.id}`;
      const page = async (cursor: string) =>
        (await qa.get<{ nextCursor: string }>(`/time/history?${of}&limit=1${cursor}`)).body;

      const latest = await page('');
      const last = await page(`&cursor=${latest.nextCursor}`);
      const { body: steps } = await qa.get(`/time/history/averages?${of}&group_by=step`);
      const { body: whole } = await qa.get(`/time/history/averages?${of}`);
      const { body: trend } = await qa.get<{ series: { count: number }[] }>(
        `/time/history/trend?${of}&interval=day&time_zone=UTC`,
      );
      const { body: estimates } = await qa.get(`/time/estimates?${of}`);
      const foreign = await qa2.get(`/time/history?${of}`);

      const { id: workflowId, ticketKey, ticketType } = workflow;
      const row = (stepIndex: number, ratio: number) => ({
        ...{ workflowId, ticketKey, ticketType, template: 'Measured', userId: qa.userId, stepIndex },
        stepName: STEPS[stepIndex]?.name,
        seconds: SECONDS[stepIndex],
        estimateSeconds: STEPS[stepIndex]?.estimateSeconds,
        ratio,
        endedAt: workflow.steps[stepIndex]?.completedAt,
      });
      expect(latest).toEqual({ data: [row(1, 0.5)], nextCursor: TEXT });
      expect(last).toEqual({ data: [row(0, 1.25)], nextCursor: null });
      expect(foreign.body).toEqual({ data: [], nextCursor: null });
      expect(steps).toEqual({
        data: [
          { group: 'Check', count: 1, meanSeconds: 36, p50Seconds: 36, p80Seconds: 36, meanRatio: 0.5 },
          { group: 'Look', count: 1, meanSeconds: 10, p50Seconds: 10, p80Seconds: 10, meanRatio: 1.25 },
        ],
      });
      expect(whole).toEqual({
        data: [{ group: null, count: 2, meanSeconds: 23, p50Seconds: 23, p80Seconds: 30.8, meanRatio: 0.875 }],
      });
      const day = `${workflow.steps[1]?.completedAt?.slice(0, 10) ?? ''}T00:00:00.000Z`;
      expect(trend).toEqual({ interval: 'day', timeZone: 'UTC', series: expect.any(Array) });
      expect(trend.series[0]).toEqual({ start: TIME, count: 0, seconds: 0, meanRatio: null });
      expect(trend.series.filter(({ count }) => count > 0)).toEqual([
        { start: day, count: 2, seconds: 46, meanRatio: 0.875 },
      ]);
      const untaught = { samples: 1, p80HeldRate: null };
      expect(estimates).toEqual({
        data: STEPS.flatMap(({ estimateSeconds }, stepIndex) =>
          [null, qa.userId].map((userId) => ({
            ...{ templateId: template.id, stepIndex, userId, ...untaught },
            p50Seconds: estimateSeconds,
            p80Seconds: estimateSeconds,
          })),
        ),
      });
    });

    it('are summed up', async () => {
      const { status, body } = await qa.get(`/workflows/${workflow.id}/summary`);

      expect(status).toBe(200);
      expect(body).toEqual({
        workflow,
        time: { ...time, asOf: TIME },
        testsCovered: [{ ...TESTS[0], url: null }],
        bugs: [{ ...BUGS[0], endpoint: null, ticketKey: null }],
        links: LINKS,
        notes: [{ stepIndex: 0, stepName: 'Look', notes: NOTES }],
      });
    });

    it('are in its report, which is followed by the next version once it is final', async () => {
      workflow = await change(workflow, '/complete', { gapReasons: [{ stepIndex: 0, reason: REASON }] });
      const path = `/reports/workflow/${workflow.id}`;
      let { body: draft } = await qa.get<Report>(path);
      while (draft.content.time === null) ({ body: draft } = await qa.get<Report>(path));
      const early = await qa.post('/reports', { workflowId: workflow.id });
      const { body: final } = await qa.post<Report>(`/reports/${draft.id}/finalise`, {}, { 'if-match': '*' });
      const next = await qa.post<Report>('/reports', { workflowId: workflow.id });
      const again = await qa.post('/reports', { workflowId: workflow.id });
      const [latest, old] = [await qa.get<Report>(path), await qa.get<Report>(`/reports/${final.id}`)];

      expect(draft).toEqual({
        id: ID,
        workflowId: workflow.id,
        ticketKey: workflow.ticketKey,
        userId: qa.userId,
        status: 'draft',
        version: 1,
        generatedAt: TIME,
        finalisedAt: null,
        title: `QA report ${workflow.ticketKey}: ${workflow.ticketTitle}`,
        content: {
          ticket: { key: workflow.ticketKey, title: workflow.ticketTitle, type: workflow.ticketType },
          template: workflow.template,
          tester: 'Quinn Abara',
          outcome: 'failed',
          startedAt: workflow.startedAt,
          completedAt: workflow.completedAt,
          steps: workflow.steps,
          time: { ...time, rowVersion: workflow.rowVersion, asOf: TIME },
          testsCovered: [{ ...TESTS[0], url: null }],
          bugs: [{ ...BUGS[0], endpoint: null, ticketKey: null }],
          strategies: null,
          gaps: [{ stepIndex: 0, ratio: 1.25, reason: REASON }],
          notes: `**Look**\n\n${NOTES}`,
        },
        notices: [],
        rowVersion: 2,
      });
      const open = { status: 409, body: { code: 'REPORT_DRAFT_OPEN' } };
      expect([early, again]).toMatchObject([open, open]);
      expect(final).toEqual({ ...draft, status: 'final', finalisedAt: TIME, rowVersion: 3 });
      expect(next.status).toBe(201);
      expect(next.body).toEqual({ ...draft, id: ID, version: 2, generatedAt: TIME, rowVersion: 1 });
      expect(next.body.id).not.toBe(draft.id);
      expect(latest.body).toEqual(next.body);
      // Its version has risen: only one next report follows it.
      expect(old.body).toEqual({ ...final, rowVersion: 4 });
    });
  });
}

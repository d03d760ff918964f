import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report, Workflow } from '@qa-pms/contracts';
import { describeWithKafka } from '@qa-pms/testing/jest';
import { ticketKeys } from './checks.js';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.js';
import { startAllInOneSystem, startDistributedSystem, type System } from './system.js';

/** What a call of the REST API must lead to, as `<service> <kind> <name>` of a span and of the one below it. */
const EDGES: [from: string, to: string][] = [
  ['gateway server POST /api/v1/workflows', 'gateway client identity/resolve-access.v1'],
  ['gateway client identity/resolve-access.v1', 'identity server identity/resolve-access.v1'],
  ['identity server identity/resolve-access.v1', 'identity client SELECT identity.users'],
  ['gateway server POST /api/v1/workflows', 'gateway client workflow/start-workflow.v1'],
  ['gateway client workflow/start-workflow.v1', 'workflow server workflow/start-workflow.v1'],
  ['workflow server workflow/start-workflow.v1', 'workflow client jira/get-ticket.v1'],
  ['workflow client jira/get-ticket.v1', 'jira server jira/get-ticket.v1'],
  ['jira server jira/get-ticket.v1', 'jira client SELECT jira.tickets'],
  ['workflow server workflow/start-workflow.v1', 'workflow client INSERT workflow.workflows'],
  ['workflow server workflow/start-workflow.v1', 'workflow client INSERT workflow.inbox_messages'],
  ['workflow server workflow/start-workflow.v1', 'workflow client INSERT workflow.outbox_messages'],
  ['workflow server workflow/start-workflow.v1', 'workflow producer send qa.workflow.events'],
  ['workflow producer send qa.workflow.events', 'tracking consumer process qa.workflow.events'],
  ['tracking consumer process qa.workflow.events', 'tracking client INSERT tracking.tracked_workflows'],
  ['tracking consumer process qa.workflow.events', 'tracking client INSERT tracking.time_sessions'],
  ['workflow server workflow/complete-workflow.v1', 'workflow client INSERT workflow.reports'],
  ['tracking consumer process qa.workflow.events', 'tracking client INSERT tracking.outbox_messages'],
  ['tracking consumer process qa.workflow.events', 'tracking producer send qa.tracking.events'],
  ['tracking producer send qa.tracking.events', 'workflow consumer process qa.tracking.events'],
  ['workflow consumer process qa.tracking.events', 'workflow client UPDATE workflow.reports'],
];

describe('traces in one process', () => {
  traces((environment) => startAllInOneSystem(environment));
});

describeWithKafka('traces over Kafka', (kafka) => {
  traces((environment) => startDistributedSystem(kafka().brokers, { environment }));
});

function traces(startSystem: (environment: Record<string, string>) => Promise<System>): void {
  let collector: OtlpReceiver;
  let system: System;
  let spans: ReceivedSpan[];
  let started: string;
  let completed: string;
  let workflow: Workflow;

  /** The main job, then the end of all processes: they send what they still have. */
  beforeAll(async () => {
    collector = await startOtlpReceiver();
    system = await startSystem({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    });
    const qa = await system.signIn('qa');
    // By somebody else: the gateway remembers who may do what, and the call below is to ask.
    const [ticketKey] = await ticketKeys(await system.signIn('lead'), 1);
    const start = await qa.post<Workflow>('/workflows', { ticketKey }, { 'x-request-id': 'trace-of-start' });
    const { id, steps } = start.body;
    for (const { index } of steps) await qa.post(`/workflows/${id}/steps/${String(index)}/complete`);
    const complete = await qa.post<Workflow>(`/workflows/${id}/complete`);
    workflow = complete.body;
    for (let count = 0; count < 100; count += 1) {
      const { body } = await qa.get<Report>(`/reports/workflow/${id}`);
      if (body.content.time) break;
      await sleep(50);
    }
    await system.stop();
    ({ spans } = collector);
    started = traceOf('POST /api/v1/workflows');
    completed = traceOf('POST /api/v1/workflows/:id/complete');
  }, 240_000);

  afterAll(() => collector.stop());

  const traceOf = (name: string): string => spans.find((span) => span.name === name)?.traceId ?? '';
  const label = ({ attributes, kind, name }: ReceivedSpan): string =>
    `${attributes['qa.service'] ?? ''} ${kind} ${name}`;

  it('have every edge, each within one trace', () => {
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const found = new Set(
      spans.flatMap((span) => {
        const parent = byId.get(span.parentSpanId);
        return parent && parent.traceId === span.traceId ? [`${label(parent)} → ${label(span)}`] : [];
      }),
    );

    const missing = EDGES.map(([from, to]) => `${from} → ${to}`).filter((edge) => !found.has(edge));
    expect(missing).toEqual([]);
  });

  it('hold all that one call led to, in every service', () => {
    const services = (trace: string): Set<string> =>
      new Set(spans.filter(({ traceId }) => traceId === trace).map(({ attributes }) => attributes['qa.service'] ?? ''));

    expect(services(started)).toEqual(new Set(['gateway', 'identity', 'workflow', 'jira', 'tracking']));
    expect([...services(completed)]).toEqual(expect.arrayContaining(['gateway', 'workflow', 'tracking']));
  });

  it('have no span whose parent is unknown', () => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));

    expect(orphans.map(label)).toEqual([]);
  });

  it('say whose request it was and what it was about, by ids', () => {
    const root = spans.find(({ traceId, parentSpanId }) => traceId === started && parentSpanId === '');
    const consumer = spans.find(({ traceId, kind }) => traceId === started && kind === 'consumer');
    const done = spans.find(({ name }) => name === 'POST /api/v1/workflows/:id/complete');

    expect(root?.attributes).toMatchObject({
      'qa.request_id': 'trace-of-start',
      'user.id': workflow.userId,
      'qa.project_id': workflow.projectId,
      'qa.ticket_key': workflow.ticketKey,
      'http.response.status_code': '201',
    });
    expect(consumer?.attributes['qa.request_id']).toBe('trace-of-start');
    expect(done?.attributes['qa.workflow_id']).toBe(workflow.id);
  });

  it('hold no names, addresses, secrets or values of statements', () => {
    const text = JSON.stringify(spans);

    expect(text).not.toContain(workflow.userDisplayName);
    expect(text).not.toMatch(/Bearer |password=|eyJ|@example\.com|simulated-jira/);
    for (const { attributes } of spans) expect(attributes['db.query.text'] ?? '').not.toContain(workflow.id);
  });
}

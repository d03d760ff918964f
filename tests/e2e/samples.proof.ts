import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report, Ticket, TicketPage, Workflow, WorkflowTime } from '@qa-pms/contracts';
import { leaveOut } from '@qa-pms/testing/jest';
import { marked } from 'marked';
import type { Api } from './api.js';
import { timesAfter } from './checks.js';
import { startAllInOneSystem, type System } from './system.js';

/** Real issues, which users of the repository do not have: `npm run prove:samples` is for those who do. */
const FOLDER = join(import.meta.dirname, '../../../shared/samples/jira');
const NAME = 'real tickets';
/** Of four projects of Jira. */
const TICKETS = 76;
/** The simulated Jira has demo tickets of its own besides. */
const DEMO_PROJECT = 'DEMO';
const PEOPLE = ['qa', 'qa2', 'lead', 'manager'];
const CLIENTS = 12;
const STEP_MS = 1_600;
const PAUSE_MS = 1_600;
/** Sessions of each step that `work` makes: a pause and a reopening split the second, the reopening the third. */
const SESSIONS = [1, 3, 2, 1, 1];

interface Issue {
  key: string;
  fields: { summary: string; description: string | null; issuetype: { name: string } };
}

interface Done {
  workflow: Workflow;
  pausedMs: number;
  notes: string;
  reason: string;
}

if (!existsSync(FOLDER)) leaveOut(NAME, `there is no folder ${FOLDER}`);

(existsSync(FOLDER) ? describe : describe.skip)(NAME, () => {
  const issues = existsSync(FOLDER) ? readIssues() : [];
  const done = new Map<string, Done>();
  let system: System;
  let apis: Api[];

  /** Calls `work` for every issue, a handful at a time, each with one of the people. */
  const forEach = async (work: (api: Api, issue: Issue, index: number) => Promise<void>): Promise<void> => {
    const queue = [...issues.entries()];
    const client = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift())
        await work(apis[next[0] % apis.length]!, next[1], next[0]);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  };

  beforeAll(async () => {
    system = await startAllInOneSystem({ JIRA_SIMULATOR_ISSUES_DIR: FOLDER });
    apis = await Promise.all(PEOPLE.map((name) => system.signIn(name)));
  }, 120_000);

  afterAll(() => system.stop(), 60_000);

  it('are all listed, each on one page, and found by their type', async () => {
    const [api] = apis as [Api];
    const isReal = (key: string): boolean => !key.startsWith(`${DEMO_PROJECT}-`);
    const keysOf = (some: Issue[]): string[] => some.map(({ key }) => key).toSorted();
    const end = Date.now() + 30_000;
    let keys: string[] = [];
    while (keys.filter(isReal).length < issues.length && Date.now() < end) {
      await sleep(100);
      keys = await listed(api, '');
    }
    const bugs = await listed(api, '&type=Bug');

    expect(issues).toHaveLength(TICKETS);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter(isReal).toSorted()).toEqual(keysOf(issues));
    expect(bugs.filter(isReal).toSorted()).toEqual(
      keysOf(issues.filter(({ fields }) => fields.issuetype.name === 'Bug')),
    );
  }, 60_000);

  it('open with their title and, rendered, with just the text that they describe', async () => {
    await forEach(async (api, { key, fields }) => {
      const { status, body } = await api.get<Ticket>(`/tickets/${key}`);

      expect(status).toBe(200);
      expect(body).toMatchObject({ key, title: fields.summary, type: fields.issuetype.name });
      expect(textOf(marked.parse(body.descriptionMarkdown, { async: false }))).toBe(spaced(fields.description ?? ''));
    });
  }, 60_000);

  it('are worked through, with a pause, a skipped and a reopened step', async () => {
    await forEach(async (api, issue, index) => {
      done.set(issue.key, await work(api, issue, index));
    });

    expect(done.size).toBe(TICKETS);
  }, 120_000);

  it('have times that are the sums of their sessions, without pauses and overlaps', async () => {
    await forEach(async (api, { key }) => {
      const { workflow, pausedMs } = done.get(key)!;
      const time = await timesOf(api, workflow);
      const sessions = sessionsOf(time);
      const worked = sessions.reduce((sum, session) => sum + lengthOf(session), 0);
      const ended = Math.max(...workflow.steps.map(({ completedAt }) => Date.parse(completedAt ?? '')));

      expectConsistent(time);
      expect(time.steps.map((step) => step.sessions.length)).toEqual(SESSIONS);
      expect(time.pausedSeconds).toBe(Math.floor(pausedMs / 1_000));
      // Every moment from the start to the end of the last step is in one session, or in the pause.
      expect(worked + pausedMs).toBe(ended - Date.parse(workflow.startedAt));
      expect(time.steps[0]?.seconds).toBeGreaterThanOrEqual(1);
    });
  }, 60_000);

  it('have reports whose times are those of tracking, also after corrections', async () => {
    let seconds = 0;
    const reports = new Set<string>();
    await forEach(async (api, { key }, index) => {
      const { workflow } = done.get(key)!;
      const before = await timesOf(api, workflow);
      const expected = await correctAll(api, workflow, before, index);
      const time = await timesOf(api, workflow);
      const report = await reportWith(api, workflow.id, expected);
      const { asOf: _now, ...figures } = time;

      expectConsistent(time);
      expect(time).toMatchObject({ totalSeconds: expected, pausedSeconds: before.pausedSeconds });
      expect(report.content.time).toMatchObject(figures);
      seconds += time.totalSeconds;
      reports.add(report.id);
    });
    console.log(`${String(issues.length)} tickets, ${String(reports.size)} reports, ${String(seconds)} s of work`);

    expect(reports.size).toBe(TICKETS);
    expect(seconds).toBeGreaterThan(issues.length * 600);
  }, 120_000);

  it('have reports that are exported and finalised', async () => {
    await forEach(async (api, { key }) => {
      const { workflow, notes, reason } = done.get(key)!;
      const { body: draft } = await api.get<Report>(`/reports/workflow/${workflow.id}`);
      const markdown = await api.get(`/reports/${draft.id}/export?format=md`);
      const html = await api.get(`/reports/${draft.id}/export?format=html`);
      const etag = `"${String(draft.rowVersion)}"`;
      const final = await api.post<Report>(`/reports/${draft.id}/finalise`, {}, { 'if-match': etag });
      const total = draft.content.time?.totalSeconds ?? 0;
      const duration = `${String(Math.floor(total / 60))} min ${String(total % 60).padStart(2, '0')} s of `;

      expect(markdown.status).toBe(200);
      for (const part of [key, notes, duration]) expect(markdown.text).toContain(part);
      expect(draft.content.steps[1]?.notes).toContain(`Reopened: ${reason}`);
      expect(html.status).toBe(200);
      expect(html.text).toMatch(/^<!doctype html>/);
      expect(html.text).not.toMatch(/<(script|img)\b/i);
      expect(html.text).toContain(`<strong>${key}</strong>`);
      expect(html.text).toContain('&lt;script');
      expect(html.text).toContain(duration);
      expect(final).toMatchObject({
        status: 200,
        body: { status: 'final', content: { time: { totalSeconds: total } } },
      });
    });
  }, 60_000);
});

/** Keys of all tickets on all pages of a list. */
async function listed(api: Api, filter: string): Promise<string[]> {
  const keys: string[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { status, body } = await api.get<TicketPage>(
      `/tickets?page=${String(page)}&page_size=20&sort_by=key${filter}`,
    );
    expect(status).toBe(200);
    keys.push(...body.data.map(({ key }) => key));
    pages = body.pagination.totalPages;
  }
  return keys;
}

/** What a reader sees of HTML that has no attributes to show. */
function textOf(html: string): string {
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
  return spaced(html.replace(/<[^>]*>/g, '').replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? ''));
}

function spaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function readIssues(): Issue[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Issue[]);
}

/** A whole workflow on a ticket. */
async function work(api: Api, { key }: Issue, index: number): Promise<Done> {
  const notes = `Tried **${key}** on staging, run ${String(index)}. <img src=x onerror=alert(1)><script>alert(2)</script>`;
  const reason = `Skipped too early in ${key}.`;
  const change = async (path: string, body: object, status = 200): Promise<Workflow> => {
    const answer = await api.post<Workflow>(path, body);
    if (answer.status !== status)
      throw new Error(`${key}: POST ${path} answered ${String(answer.status)}: ${answer.text}`);
    return answer.body;
  };
  const { id } = await change('/workflows', { ticketKey: key }, 201);
  await sleep(STEP_MS);
  await change(`/workflows/${id}/steps/0/complete`, {
    outcome: index % 7 === 0 ? 'failed' : 'passed',
    notes,
    links: [{ title: `Run ${String(index)}`, url: `https://ci.example.com/run/${String(index)}` }],
    testsCovered: [{ source: 'testmo', id: String(index), title: `Case of ${key}`, url: null }],
    bugs: [{ title: `Found in ${key}`, severity: 'low', component: 'rest' }],
  });
  const paused = await change(`/workflows/${id}/pause`, { reason: 'Waiting for a build.' });
  await sleep(PAUSE_MS);
  const resumed = await change(`/workflows/${id}/resume`, {});
  await change(`/workflows/${id}/steps/1/skip`, { reason: 'Nothing to see.' });
  await change(`/workflows/${id}/steps/1/reopen`, { reason });
  for (const step of [1, 2, 3, 4]) await change(`/workflows/${id}/steps/${String(step)}/complete`, {});
  const workflow = await change(`/workflows/${id}/complete`, {});
  expect(workflow).toMatchObject({ status: 'completed', outcome: index % 7 === 0 ? 'failed' : 'passed' });
  const pausedMs = Date.parse(resumed.updatedAt) - Date.parse(paused.pausedAt ?? '');
  return { workflow, pausedMs, notes, reason };
}

function timesOf(api: Api, { id, rowVersion }: Workflow): Promise<WorkflowTime> {
  return timesAfter(api, id, rowVersion);
}

/** Moves every session to before the workflow, with a length of its own that is just under a whole second; their sum. */
async function correctAll(api: Api, workflow: Workflow, time: WorkflowTime, index: number): Promise<number> {
  const earlier = Date.parse(workflow.startedAt) - 3_600_000;
  let total = 0;
  for (const [position, { id }] of sessionsOf(time).entries()) {
    const seconds = 60 + 13 * position + index;
    const start = earlier + position * 300_000;
    const span = { startedAt: new Date(start), endedAt: new Date(start + seconds * 1_000 + 999) };
    const { status } = await api.post(`/time/sessions/${id}/corrections`, { ...span, reason: 'Begun earlier.' });
    expect(status).toBe(201);
    total += seconds;
  }
  return total;
}

/** The report, as soon as it has these seconds. */
async function reportWith(api: Api, workflowId: string, totalSeconds: number): Promise<Report> {
  for (let attempt = 0; ; attempt += 1) {
    const { status, body } = await api.get<Report>(`/reports/workflow/${workflowId}`);
    expect(status).toBe(200);
    if (body.content.time?.totalSeconds === totalSeconds || attempt > 100) return body;
    await sleep(50);
  }
}

type Session = WorkflowTime['steps'][number]['sessions'][number];

function sessionsOf(time: WorkflowTime): Session[] {
  return time.steps
    .flatMap(({ sessions }) => sessions)
    .sort((one, other) => one.startedAt.localeCompare(other.startedAt) || lengthOf(one) - lengthOf(other));
}

function lengthOf({ startedAt, endedAt }: Session): number {
  return Date.parse(endedAt ?? '') - Date.parse(startedAt);
}

function expectConsistent(time: WorkflowTime): void {
  const sum = (values: { seconds: number }[]): number => values.reduce((total, { seconds }) => total + seconds, 0);
  const sessions = sessionsOf(time);
  for (const session of sessions) expect(session.seconds).toBe(Math.floor(lengthOf(session) / 1_000));
  for (const step of time.steps) expect(step.seconds).toBe(sum(step.sessions));
  expect(time.totalSeconds).toBe(sum(time.steps));
  sessions.slice(1).forEach(({ startedAt }, index) => {
    expect((sessions[index]?.endedAt ?? '') <= startedAt).toBe(true);
  });
}

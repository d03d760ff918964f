import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { TicketSummary, Workflow, WorkflowTime } from '@qa-pms/contracts';
import pg from 'pg';
import type { Api } from './api.js';

/** Keys of some tickets, as soon as there are so many. */
export async function ticketKeys(api: Api, count: number): Promise<string[]> {
  for (;;) {
    const { body } = await api.get<{ data: TicketSummary[] }>('/tickets?page_size=100');
    if (body.data.length >= count) return body.data.slice(0, count).map(({ key }) => key);
    await sleep(200);
  }
}

/** The workflow is at this version, tracking has followed it there, and its sessions add up and do not overlap. */
export async function expectAgreement(api: Api, id: string, version: number): Promise<void> {
  const { body: workflow } = await api.get<Workflow>(`/workflows/${id}`);
  expect(workflow.rowVersion).toBe(version);
  const time = await timesAfter(api, id, version);
  const sum = time.steps.flatMap(({ sessions }) => sessions).reduce((total, { seconds }) => total + seconds, 0);
  expect(time).toMatchObject({ rowVersion: version, totalSeconds: sum });
  expectNoOverlap(time);
}

/** The sessions of a workflow that runs begin and end, by turns, at just these moments of workflow's. */
export async function expectSessions(api: Api, id: string, moments: string[]): Promise<void> {
  const { body } = await api.get<WorkflowTime>(`/time/sessions/${id}`);
  const found = sessionsOf(body).flatMap(({ startedAt, endedAt }) => [
    startedAt,
    ...(endedAt === null ? [] : [endedAt]),
  ]);
  expect(found).toEqual(moments);
}

/** The times of a workflow, once tracking has followed it to this version: the service itself waits for 2 s each time. */
export async function timesAfter(api: Api, id: string, version: number): Promise<WorkflowTime> {
  let said = '';
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const { status, body, text } = await api.get<WorkflowTime>(
      `/time/sessions/${id}?after_row_version=${String(version)}`,
    );
    if (status === 200) return body;
    said = `${String(status)} ${text}`;
    await sleep(50);
  }
  throw new Error(`tracking has not heard of version ${String(version)} of ${id}: ${said}`);
}

function sessionsOf(time: WorkflowTime): WorkflowTime['steps'][number]['sessions'] {
  return time.steps.flatMap((step) => step.sessions).sort((one, other) => one.startedAt.localeCompare(other.startedAt));
}

function expectNoOverlap(time: WorkflowTime): void {
  const sessions = sessionsOf(time);
  sessions.slice(1).forEach((session, index) => {
    expect(sessions[index]?.endedAt ?? '').not.toBe('');
    expect((sessions[index]?.endedAt ?? '') <= session.startedAt).toBe(true);
  });
}

/** How many messages were given up. */
export async function deadLetters(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ count: number }>(
    `SELECT (SELECT count(*) FROM workflow.dead_letters)::int + (SELECT count(*) FROM tracking.dead_letters)::int AS count`,
  );
  await client.end();
  return rows[0]?.count ?? -1;
}

/** How often each of these came, for the reader. */
export function counts(what: string[]): string {
  return (
    [...Map.groupBy(what, (one) => one)].map(([one, all]) => `${String(all.length)} × ${one}`).join(', ') || 'none'
  );
}

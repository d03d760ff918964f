import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { meeting, type OneRow } from '@qa-pms/testing';
import { v7 as uuidv7 } from 'uuid';
import { person, Story, Tracking } from './tracking.fixture.js';

const project = uuidv7();
const quinn = person(project);
const START = '2026-11-20T09:00:00.000Z';

let tracking: Tracking;

beforeAll(async () => {
  tracking = await Tracking.start();
});

afterAll(() => tracking.stop());

/** A workflow whose first step has run for ten minutes, and its session. */
async function running() {
  const told = await new Story(tracking, project, quinn.userId, { start: START }).start();
  const { steps } = await tracking.time(told.id, quinn);
  return { told: told.after(600), session: steps[0]?.sessions[0]?.id ?? '' };
}

const counted = (workflowId: string): OneRow => [
  'UPDATE tracking.tracked_workflows SET changes = changes + 1 WHERE id = $1',
  [workflowId],
];

describe('a change of a workflow and a correction of its time', () => {
  it('are both there where the correction is just being committed', async () => {
    const { told, session } = await running();
    const correction: OneRow = [
      'UPDATE tracking.time_sessions SET started_at = $2 WHERE id = $1',
      [session, '2026-11-20T08:50:00.000Z'],
    ];

    await meeting(tracking.databaseUrl, project, [correction, counted(told.id)], () => told.endStep());

    const { steps } = await tracking.time(told.id, quinn);
    expect(steps[0]).toMatchObject({ seconds: 1_200, sessions: [{ id: session }] });
  });

  it('are both there where another correction is just being committed', async () => {
    const { told, session } = await running();
    await told.endStep();
    const other: OneRow = [
      'UPDATE tracking.time_sessions SET ended_at = $2 WHERE id = $1',
      [session, '2026-11-20T09:05:00.000Z'],
    ];

    const { before } = await meeting(tracking.databaseUrl, project, [other, counted(told.id)], () =>
      tracking.correct(session, { startedAt: '2026-11-20T08:50:00.000Z' }, quinn),
    );

    expect(before).toEqual({ startedAt: START, endedAt: '2026-11-20T09:05:00.000Z' });
    const { steps } = await tracking.time(told.id, quinn);
    expect(steps[0]).toMatchObject({ seconds: 900 });
  });

  it('make one workflow where it is told for the first time twice at once', async () => {
    const told = new Story(tracking, project, quinn.userId, { start: START });
    const other: OneRow = [
      `INSERT INTO tracking.tracked_workflows (id, project_id, ticket_key, ticket_type, template_id, template_name,
         template_version, user_id, status, steps, row_version, started_at, paused_seconds, changes)
       VALUES ($1, $2, 'DEMO-1', 'Story', $1, 'Told by another', 1, $3, 'active', '[]', 1, $4, 0, 1)`,
      [told.id, project, quinn.userId, START],
    ];

    await meeting(tracking.databaseUrl, project, [other], () => told.start());

    await expect(tracking.time(told.id, quinn, 1)).resolves.toMatchObject({ rowVersion: 1, steps: [] });
  });
});

describe('corrections of several sessions of one workflow', () => {
  it('are all made where they come at once', async () => {
    const told = await new Story(tracking, project, quinn.userId, {
      start: START,
      estimates: Array.from({ length: 12 }, () => 600),
    }).start();
    for (let count = 0; count < 12; count += 1) await told.after(600).endStep();
    await told.complete();
    const { steps } = await tracking.time(told.id, quinn);
    const sessions = steps.flatMap((step) => step.sessions);

    await Promise.all(
      sessions.map(({ id, startedAt }) =>
        tracking.correct(id, { endedAt: new Date(Date.parse(startedAt) + 60_000).toISOString() }, quinn),
      ),
    );

    expect(sessions).toHaveLength(12);
    await expect(tracking.time(told.id, quinn)).resolves.toMatchObject({ totalSeconds: 12 * 60 });
  });
});

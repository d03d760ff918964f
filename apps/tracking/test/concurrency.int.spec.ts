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

    await Promise.all([told.start(), told.repeat(), told.repeat()]);

    const { steps } = await tracking.time(told.id, quinn);
    expect(steps[0]?.sessions).toHaveLength(1);
  });
});

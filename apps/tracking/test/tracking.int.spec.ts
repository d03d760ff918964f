import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetActiveSession, UserChanged, WorkflowTimed } from '@qa-pms/contracts';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { TrackingSettings } from '../src/tracking.settings.js';
import { person, refusedAs, Story, Tracking } from './tracking.fixture.js';

const project = uuidv7();
const quinn = person(project);
const robin = person(project);
const lead = person(project, ['tech_lead']);

let tracking: Tracking;

beforeAll(async () => {
  tracking = await Tracking.start();
});

afterAll(() => tracking.stop());

const story = (options: ConstructorParameters<typeof Story>[3] = {}) =>
  new Story(tracking, project, quinn.userId, options);
const active = (workflowId: string, caller = quinn) =>
  tracking.service.request(GetActiveSession, { workflowId }, { caller });
async function withDatabase<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: tracking.databaseUrl });
  await client.connect();
  try {
    await client.query(`SET qa.all_projects = 'on'`);
    return await work(client);
  } finally {
    await client.end();
  }
}
const timedOf = async (id: string) => {
  const events: WorkflowTimed[] = await tracking.service.published(WorkflowTimed);
  return events.filter(({ time }) => time.workflowId === id);
};

describe('changes that come while others are followed', () => {
  /** All of it: sessions, history, alerts, a person who takes over, a step that is done again. */
  const changes = (told: Story): (() => Promise<unknown>)[] => [
    () => told.start(),
    () => told.after(90.9).note(),
    () => told.after(900).endStep(),
    () => told.after(20).pause(),
    () => told.after(3_600).resume(),
    () => told.after(30.5).handOver(robin.userId),
    () => told.after(700).endStep('skipped'),
    () => told.after(5).reopen(0),
    () => told.after(1_200).endStep(),
    () => told.after(60).endStep(),
    () => told.after(1).complete(),
  ];
  const rowsOf = async (id: string): Promise<unknown[]> =>
    withDatabase(async (client) => {
      const statements = [
        `SELECT step_index, user_id, started_at, ended_at, actions FROM tracking.time_sessions WHERE workflow_id = $1 ORDER BY started_at, ended_at`,
        `SELECT step_index, user_id, status, seconds, ended_at FROM tracking.step_times WHERE workflow_id = $1 ORDER BY step_index, user_id`,
        `SELECT step_index, user_id, ratio, seconds_over, raised_at FROM tracking.gap_alerts WHERE workflow_id = $1 ORDER BY step_index`,
        `SELECT user_id, status, steps, row_version, ended_at, paused_seconds FROM tracking.tracked_workflows WHERE id = $1`,
      ];
      const rows: unknown[] = [];
      for (const statement of statements) rows.push((await client.query(statement, [id])).rows);
      return rows;
    });
  const transactions = (): Promise<number> =>
    withDatabase(async (client) => {
      const { rows } = await client.query<{ count: number }>(
        'SELECT count(DISTINCT xmin::text)::int AS count FROM tracking.inbox_messages',
      );
      return rows[0]?.count ?? 0;
    });

  it('are followed in fewer transactions, to the same rows as one after the other', async () => {
    const [single, together] = [story({ estimates: [600, 600, 600] }), story({ estimates: [600, 600, 600] })];
    for (const change of changes(single)) await change();
    const before = await transactions();
    await Promise.all(changes(together).map((change) => change()));
    const taken = (await transactions()) - before;

    expect(taken).toBeLessThan(changes(together).length / 2);
    expect(await rowsOf(together.id)).toEqual(await rowsOf(single.id));
    const [[timed], [others]] = await Promise.all([timedOf(single.id), timedOf(together.id)]);
    expect(others?.time.totalSeconds).toBe(timed?.time.totalSeconds);
  });
});

describe('what was left running overnight', () => {
  it('is proposed by the nights of the person, also in changes that come at once', async () => {
    // 21:00 to 07:00 in New York: no night of UTC lies whole in it.
    const away = person(project);
    await tracking.service.deliver(UserChanged, {
      userId: away.userId,
      displayName: 'Away',
      timeZone: 'America/New_York',
    });
    const night = (): Story => new Story(tracking, project, away.userId, { start: '2026-11-21T02:00:00.000Z' });
    const [single, together] = [night(), night()];
    const changes = (told: Story): (() => Promise<unknown>)[] => [
      () => told.start(),
      () => told.after(3_600).note(),
      () => told.after(9 * 3_600).endStep(),
      () => told.complete(),
    ];
    for (const change of changes(single)) await change();
    await Promise.all(changes(together).map((change) => change()));

    const proposals = async (told: Story): Promise<unknown> =>
      (await timedOf(told.id)).map(({ time }) => time.proposals.map(({ kind, cutAt }) => [kind, cutAt]));

    expect(await proposals(single)).toContainEqual(expect.arrayContaining([['overnight', expect.anything()]]));
    expect(await proposals(together)).toEqual(await proposals(single));
  });
});

describe('the times of a workflow', () => {
  it('follow it from its start to its end, pauses excluded', async () => {
    const told = await story().start();
    await told.after(90.9).pause();
    await told.after(600.9).resume();
    await told.after(30.9).endStep();
    await told.after(200).endStep();
    await told.after(1000).complete();

    const time = await tracking.time(told.id, quinn);

    expect(time).toMatchObject({
      totalSeconds: 320,
      pausedSeconds: 600,
      estimateSeconds: 1200,
      ratio: 0.267,
      band: 'ok',
    });
    expect(time.steps.map(({ seconds, sessions }) => [seconds, sessions.map((one) => one.seconds)])).toEqual([
      [120, [90, 30]],
      [200, [200]],
    ]);
    expect(time.rowVersion).toBe(told.rowVersion);
  });

  it('are published when it is completed', async () => {
    const told = await story().start();
    await told.after(60).endStep();
    await told.after(60).endStep();
    await told.complete();

    expect(await timedOf(told.id)).toMatchObject([{ projectId: project, time: { totalSeconds: 120 } }]);
  });

  it('are published when it is cancelled in the middle of a step', async () => {
    const told = await story().start();
    await told.after(45).cancel();

    expect(await timedOf(told.id)).toMatchObject([{ time: { totalSeconds: 45 } }]);
  });

  it('are not changed by a change that is told again', async () => {
    const told = await story().start();
    await told.after(60).pause();

    await told.after(60).repeat();

    expect(await tracking.time(told.id, quinn)).toMatchObject({ totalSeconds: 60, rowVersion: 2 });
  });

  it('stay with the person who spent them, who still sees them after a handover', async () => {
    const told = await story().start();
    await told.after(60).pause();
    await told.handOver(robin.userId);
    await told.after(60).resume();
    await told.after(30).pause();

    const [forQuinn, forRobin] = [await tracking.time(told.id, quinn), await tracking.time(told.id, robin)];

    expect(forQuinn.totalSeconds).toBe(90);
    expect(forRobin.steps).toEqual(forQuinn.steps);
  });

  it('propose to cut a session that was left running over night, in the time zone of the person', async () => {
    const hana = person(project);
    await tracking.service.deliver(UserChanged, { userId: hana.userId, displayName: 'Hana', timeZone: 'Asia/Tokyo' });
    // 23:30 in Tokyo.
    const told = new Story(tracking, project, hana.userId, { start: '2026-11-19T14:30:00.000Z' });
    await told.start();
    await told.after(600).note();
    await told.after(8 * 3600).pause();

    const { proposals } = await tracking.time(told.id, hana);

    const cutAt = '2026-11-19T14:40:00.000Z';
    expect(proposals).toMatchObject([
      { kind: 'idle', cutAt },
      { kind: 'overnight', cutAt },
    ]);
  });

  it('are seen by their person and with time:read, and by nobody else', async () => {
    const told = await story().start();

    await expect(tracking.time(told.id, robin)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND', { id: told.id }));
    await expect(tracking.time(told.id, lead)).resolves.toMatchObject({ workflowId: told.id });
  });

  it('are seen in no other project', async () => {
    const told = await story().start();
    const stranger = person(uuidv7(), ['admin']);

    await expect(tracking.time(told.id, stranger)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
  });
});

describe('waiting for a change', () => {
  it('ends as soon as the change has arrived', async () => {
    const told = await story().start();
    const waiting = tracking.time(told.id, quinn, 2);

    await told.after(10).pause();

    await expect(waiting).resolves.toMatchObject({ rowVersion: 2, totalSeconds: 10 });
  });

  it('ends also for a workflow that was not known yet', async () => {
    const told = story();
    const waiting = tracking.time(told.id, quinn, 1);

    await told.start();

    await expect(waiting).resolves.toMatchObject({ rowVersion: 1 });
  });

  /** A wait for what does not come is cut short: one for what comes has the time that a busy machine needs. */
  const cutShort = (): void => {
    tracking.service.get(TrackingSettings).arrivalWaitMs = 400;
  };

  it('is given up in the end', async () => {
    const told = await story().start();
    cutShort();

    const late = tracking.time(told.id, quinn, 9);

    await expect(late).rejects.toMatchObject(refusedAs('UPSTREAM_TIMEOUT', { upstream: 'tracking' }));
  });

  it('for a workflow that is not known by then, or of another, tells no more than that', async () => {
    const told = await story().start();
    cutShort();

    const late = await Promise.allSettled([tracking.time(uuidv7(), quinn, 1), tracking.time(told.id, robin, 1)]);

    expect(late).toMatchObject([
      { status: 'rejected', reason: refusedAs('UPSTREAM_TIMEOUT') },
      { status: 'rejected', reason: refusedAs('UPSTREAM_TIMEOUT') },
    ]);
  });
});

describe('the active session', () => {
  it('runs, pauses, and is none when the workflow has ended', async () => {
    const told = await story({ start: new Date(Date.now() - 60_000).toISOString() }).start();

    const running = await active(told.id);
    await told.after(30).pause();
    const paused = await active(told.id);
    await told.cancel();

    expect(running).toMatchObject({ status: 'running', stepIndex: 0, elapsedSeconds: expect.any(Number) });
    expect(running.elapsedSeconds).toBeGreaterThanOrEqual(60);
    expect(paused).toMatchObject({ sessionId: running.sessionId, status: 'paused', elapsedSeconds: 30 });
    await expect(active(told.id)).rejects.toMatchObject(refusedAs('SESSION_NOT_FOUND'));
  });

  it('of another is not found', async () => {
    const told = await story().start();

    await expect(active(told.id, robin)).rejects.toMatchObject(refusedAs('SESSION_NOT_FOUND'));
  });
});

describe('a correction', () => {
  const START = '2026-11-20T09:00:00.000Z';

  async function ended() {
    const told = await story({ start: START }).start();
    await told.after(600).endStep();
    await told.after(300).endStep();
    await told.complete();
    const { steps } = await tracking.time(told.id, quinn);
    return { told, first: steps[0]?.sessions[0]?.id ?? '', second: steps[1]?.sessions[0]?.id ?? '' };
  }

  it('changes the times, keeps what was before, and publishes them again', async () => {
    const { told, first } = await ended();

    const correction = await tracking.correct(first, { endedAt: '2026-11-20T09:05:00.000Z' }, quinn);

    expect(correction).toMatchObject({
      sessionId: first,
      before: { startedAt: START, endedAt: '2026-11-20T09:10:00.000Z' },
      after: { startedAt: START, endedAt: '2026-11-20T09:05:00.000Z' },
      reason: 'Lunch.',
      by: quinn.userId,
    });
    expect(await tracking.time(told.id, quinn)).toMatchObject({ totalSeconds: 600 });
    const totals = (await timedOf(told.id)).map(({ time }) => time.totalSeconds);
    expect(totals).toEqual([900, 600]);
  });

  it('cannot be changed or deleted, whoever tries', async () => {
    const { first } = await ended();
    const { id } = await tracking.correct(first, { endedAt: '2026-11-20T09:05:00.000Z' }, quinn);
    const client = new Client({ connectionString: tracking.databaseUrl });
    await client.connect();
    await client.query(`SET qa.all_projects = 'on'`);
    const change = client.query('UPDATE tracking.corrections SET reason = $2 WHERE id = $1', [id, 'other']);
    const removal = client.query('DELETE FROM tracking.corrections WHERE id = $1', [id]);

    const results = await Promise.allSettled([change, removal]);
    await client.end();

    expect(results).toMatchObject([
      { status: 'rejected', reason: { message: 'corrections are append-only' } },
      { status: 'rejected', reason: { message: 'corrections are append-only' } },
    ]);
  });

  it('must not overlap the next session', async () => {
    const { first } = await ended();

    const overlapping = tracking.correct(first, { endedAt: '2026-11-20T09:10:01.000Z' }, quinn);

    await expect(overlapping).rejects.toMatchObject(
      refusedAs('CORRECTION_OVERLAPS', {
        corrected: { startedAt: START, endedAt: '2026-11-20T09:10:01.000Z' },
        other: { startedAt: '2026-11-20T09:10:00.000Z', endedAt: '2026-11-20T09:15:00.000Z' },
      }),
    );
  });

  it('needs a change', async () => {
    const { first } = await ended();

    await expect(tracking.correct(first, {}, quinn)).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
  });

  it("of another's session is for those who may correct any", async () => {
    const { second } = await ended();
    const span = { endedAt: '2026-11-20T09:12:00.000Z' };

    await expect(tracking.correct(second, span, robin)).rejects.toMatchObject(refusedAs('SESSION_NOT_FOUND'));
    await expect(tracking.correct(second, span, lead)).resolves.toMatchObject({ by: lead.userId });
  });

  it('of an unknown session is not found', async () => {
    const unknown = tracking.correct(uuidv7(), { endedAt: START }, lead);

    await expect(unknown).rejects.toMatchObject(refusedAs('SESSION_NOT_FOUND'));
  });
});

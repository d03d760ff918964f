import { describe, expect, it } from '@jest/globals';
import type { Workflow, WorkflowChanged } from '@qa-pms/contracts';
import { aStep } from '@qa-pms/testing/build';
import { aChange, aSession, at, aTracked, QUINN, ROBIN } from '../../test/build.js';
import { follow, withAction } from './session.rules.js';
import type { Session, Tracked } from './tracked-workflow.js';

const SECOND_STEP: Partial<Workflow> = {
  steps: [aStep(0, 'completed', { completedAt: at('09:10').toISOString() }), aStep(1, 'in_progress')],
};

function followAll(...changes: WorkflowChanged[]): Tracked {
  let count = 0;
  const newId = () => `s${String((count += 1))}`;
  const first: Tracked | null = null;
  return changes.reduce<Tracked | null>((known, change) => follow(known, change, newId), first) ?? aTracked();
}

function spans(sessions: Session[]): unknown[] {
  return sessions.map(({ stepIndex, userId, startedAt, endedAt }) => [
    stepIndex,
    userId === QUINN ? 'quinn' : 'robin',
    startedAt.toISOString().slice(11, 19),
    endedAt?.toISOString().slice(11, 19) ?? null,
  ]);
}

describe('sessions of a workflow', () => {
  it('start with the workflow', () => {
    const { sessions } = followAll(aChange('started', at('09:00')));

    expect(spans(sessions)).toEqual([[0, 'quinn', '09:00:00', null]]);
  });

  it('move with the steps', () => {
    const { sessions } = followAll(
      aChange('started', at('09:00')),
      aChange('step_completed', at('09:10'), { ...SECOND_STEP, rowVersion: 2 }),
    );

    expect(spans(sessions)).toEqual([
      [0, 'quinn', '09:00:00', '09:10:00'],
      [1, 'quinn', '09:10:00', null],
    ]);
  });

  it('leave out the pause, whose seconds are counted apart', () => {
    const tracked = followAll(
      aChange('started', at('09:00')),
      aChange('paused', at('09:10'), { status: 'paused' }),
      aChange('step_updated', at('09:15'), { status: 'paused' }),
      aChange('resumed', at('09:20:00.999')),
    );

    expect(spans(tracked.sessions)).toEqual([
      [0, 'quinn', '09:00:00', '09:10:00'],
      [0, 'quinn', '09:20:00', null],
    ]);
    expect(tracked.workflow).toMatchObject({ pausedSeconds: 600, pausedAt: null });
  });

  it('stay with the person who spent them when the workflow is handed over', () => {
    const { sessions } = followAll(
      aChange('started', at('09:00')),
      aChange('paused', at('09:10'), { status: 'paused' }),
      aChange('handed_over', at('09:12'), { status: 'paused', userId: ROBIN }),
      aChange('resumed', at('09:20'), { userId: ROBIN }),
    );

    expect(spans(sessions)).toEqual([
      [0, 'quinn', '09:00:00', '09:10:00'],
      [0, 'robin', '09:20:00', null],
    ]);
  });

  it('change hands at once where a running workflow gets another person', () => {
    const { sessions } = followAll(
      aChange('started', at('09:00')),
      aChange('handed_over', at('09:12'), { userId: ROBIN }),
    );

    expect(spans(sessions)).toEqual([
      [0, 'quinn', '09:00:00', '09:12:00'],
      [0, 'robin', '09:12:00', null],
    ]);
  });

  it('stop when the last step ends although the workflow stays active', () => {
    const ended = [aStep(0, 'completed'), aStep(1, 'skipped')];

    const tracked = followAll(
      aChange('started', at('09:00')),
      aChange('step_skipped', at('09:30'), { steps: ended, currentStepIndex: 2 }),
    );

    expect(spans(tracked.sessions)).toEqual([[0, 'quinn', '09:00:00', '09:30:00']]);
    expect(tracked.workflow).toMatchObject({ status: 'active', endedAt: null });
  });

  it('go back to a step that is reopened', () => {
    const { sessions, workflow } = followAll(
      aChange('started', at('09:00')),
      aChange('step_completed', at('09:10'), SECOND_STEP),
      aChange('step_reopened', at('09:15')),
    );

    expect(spans(sessions)).toEqual([
      [0, 'quinn', '09:00:00', '09:10:00'],
      [1, 'quinn', '09:10:00', '09:15:00'],
      [0, 'quinn', '09:15:00', null],
    ]);
    expect(workflow.steps.map((step) => step.endedAt)).toEqual([null, null]);
  });

  it('end with a workflow that is cancelled while it runs', () => {
    const tracked = followAll(
      aChange('started', at('09:00')),
      aChange('cancelled', at('09:10'), { status: 'cancelled' }),
    );

    expect(spans(tracked.sessions)).toEqual([[0, 'quinn', '09:00:00', '09:10:00']]);
    expect(tracked.workflow.endedAt).toEqual(at('09:10'));
  });

  it('count the pause that a cancellation ends', () => {
    const { workflow } = followAll(
      aChange('started', at('09:00')),
      aChange('paused', at('09:10'), { status: 'paused' }),
      aChange('cancelled', at('09:11'), { status: 'cancelled' }),
    );

    expect(workflow).toMatchObject({ pausedSeconds: 60, pausedAt: null });
  });

  it('remember actions while they run', () => {
    const { sessions } = followAll(aChange('started', at('09:00')), aChange('step_updated', at('09:05')));

    expect(sessions.map(({ actions }) => actions)).toEqual([[at('09:05')]]);
  });

  it('do not start before a correction that was faster than the event', () => {
    const corrected = aTracked([aSession({ endedAt: at('10:00:05') })], { status: 'paused', pausedAt: at('10:00') });

    const { sessions } = follow(corrected, aChange('resumed', at('10:00:03')), () => 's2');

    expect(spans(sessions).at(-1)).toEqual([0, 'quinn', '10:00:05', null]);
  });

  it('report only those that changed', () => {
    const before = aTracked([aSession(), aSession({ id: 's2', startedAt: at('10:30'), endedAt: null })]);

    const { touched } = follow(before, aChange('paused', at('11:00'), { status: 'paused' }), () => 's3');

    expect(touched.map(({ id, endedAt }) => [id, endedAt])).toEqual([['s2', at('11:00')]]);
  });
});

describe('actions', () => {
  it('are kept on both sides of every long silence, however many there are', () => {
    const everyMinute = Array.from({ length: 90 }, (_, minute) => new Date(at('09:00').getTime() + minute * 60_000));
    const afterLunch = at('14:00');

    const kept = [...everyMinute, afterLunch].reduce<Date[]>(withAction, []);

    expect(kept).toContainEqual(at('10:29'));
    expect(kept.at(-1)).toEqual(afterLunch);
    expect(kept.length).toBeLessThan(10);
  });
});

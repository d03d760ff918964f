import { describe, expect, it } from '@jest/globals';
import { aSession, at, aTracked, ROBIN, WORKFLOW } from '../../test/build.js';
import { activeSession, workflowTime } from './workflow-time.js';

const IDLE_SECONDS = 7200;

describe('the times of a workflow', () => {
  it('round each session down once and add these up', () => {
    const halves = ['09:00', '09:01', '09:02'].map((start, index) =>
      aSession({ id: `s${String(index)}`, startedAt: at(start), endedAt: at(`${start}:01.900`) }),
    );

    const time = workflowTime(aTracked(halves), at('12:00'), IDLE_SECONDS);

    expect(time.totalSeconds).toBe(3);
    expect(time.steps[0]).toMatchObject({ index: 0, name: 'Step 0', seconds: 3, estimateSeconds: 600, ratio: 0.005 });
  });

  it('name every step, also those without a session', () => {
    const time = workflowTime(aTracked(), at('12:00'), IDLE_SECONDS);

    expect(time).toMatchObject({ totalSeconds: 0, estimateSeconds: 1200, ratio: 0, band: 'ok', rowVersion: 1 });
    expect(time.steps.map(({ index, seconds, sessions }) => [index, seconds, sessions])).toEqual([
      [0, 0, []],
      [1, 0, []],
    ]);
  });

  it('count what runs up to now', () => {
    const tracked = aTracked([aSession({ endedAt: null })]);

    const time = workflowTime(tracked, at('09:15:00.700'), IDLE_SECONDS);

    expect(time.totalSeconds).toBe(900);
    expect(time.asOf).toBe(at('09:15:00.700').toISOString());
    expect(time.steps[0]).toMatchObject({ band: 'over', sessions: [{ id: 's1', endedAt: null, seconds: 900 }] });
  });

  it('count a pause that goes on apart', () => {
    const tracked = aTracked([aSession()], { status: 'paused', pausedAt: at('10:00'), pausedSeconds: 30 });

    const time = workflowTime(tracked, at('10:01:00.500'), IDLE_SECONDS);

    expect(time.pausedSeconds).toBe(90);
    expect(time.totalSeconds).toBe(3600);
  });

  it('hold those of all persons', () => {
    const tracked = aTracked([
      aSession({ endedAt: at('09:01') }),
      aSession({ id: 's2', userId: ROBIN, startedAt: at('09:05'), endedAt: at('09:07') }),
    ]);

    expect(workflowTime(tracked, at('12:00'), IDLE_SECONDS).totalSeconds).toBe(180);
  });

  it('carry the proposals of all sessions', () => {
    const tracked = aTracked([aSession({ endedAt: at('12:00') })]);

    expect(workflowTime(tracked, at('12:00'), IDLE_SECONDS).proposals).toHaveLength(1);
  });
});

describe('the active session', () => {
  it('is the one that runs', () => {
    const tracked = aTracked([aSession(), aSession({ id: 's2', stepIndex: 1, startedAt: at('10:00'), endedAt: null })]);

    expect(activeSession(tracked, at('10:00:42.900'))).toEqual({
      sessionId: 's2',
      workflowId: WORKFLOW,
      stepIndex: 1,
      startedAt: at('10:00').toISOString(),
      elapsedSeconds: 42,
      status: 'running',
    });
  });

  it('is the last one while paused', () => {
    const tracked = aTracked([aSession(), aSession({ id: 's2', startedAt: at('10:00'), endedAt: at('10:10') })], {
      status: 'paused',
    });

    expect(activeSession(tracked, at('12:00'))).toMatchObject({
      sessionId: 's2',
      elapsedSeconds: 600,
      status: 'paused',
    });
  });

  it.each(['active', 'completed', 'cancelled'] as const)('is none when nothing runs and it is %s', (status) => {
    expect(activeSession(aTracked([aSession()], { status }), at('12:00'))).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import { aSession, at, aTracked, QUINN, ROBIN } from '../../test/build.js';
import { stepTimeChanges, stepTimesOf } from './step-times.js';
import type { Session, Tracked } from './tracked-workflow.js';

const ENDED_AT = at('10:00').toISOString();

function ended(status: 'completed' | 'skipped', sessions: Session[]): Tracked {
  const steps = [
    { name: 'Reproduce', estimateSeconds: 600, status, endedAt: ENDED_AT },
    { name: 'Document', estimateSeconds: 300, status: 'in_progress' as const, endedAt: null },
  ];
  return aTracked(sessions, { steps });
}

describe('history', () => {
  it('has one row per ended step and person, with all their sessions', () => {
    const tracked = ended('completed', [
      aSession({ endedAt: at('09:10') }),
      aSession({ id: 's2', userId: ROBIN, startedAt: at('09:20'), endedAt: at('09:25') }),
      aSession({ id: 's3', startedAt: at('09:30'), endedAt: at('09:31') }),
      aSession({ id: 's4', stepIndex: 1, startedAt: at('10:00'), endedAt: null }),
    ]);

    expect(stepTimesOf(tracked)).toEqual([
      {
        stepIndex: 0,
        stepName: 'Reproduce',
        userId: QUINN,
        status: 'completed',
        seconds: 660,
        estimateSeconds: 600,
        endedAt: ENDED_AT,
      },
      expect.objectContaining({ userId: ROBIN, seconds: 300 }),
    ]);
  });

  it('has skipped steps only where time was spent on them', () => {
    const spent = ended('skipped', [aSession({ endedAt: at('09:10') })]);
    const unspent = ended('skipped', [aSession({ endedAt: at('09:00:00.900') })]);

    expect(stepTimesOf(spent)).toMatchObject([{ status: 'skipped', seconds: 600 }]);
    expect(stepTimesOf(unspent)).toEqual([]);
  });

  it('has completed steps that took less than a second', () => {
    expect(stepTimesOf(ended('completed', [aSession({ endedAt: at('09:00') })]))).toMatchObject([{ seconds: 0 }]);
  });

  it('writes only what is new or different', () => {
    const before = stepTimesOf(ended('completed', [aSession({ endedAt: at('09:10') })]));
    const after = stepTimesOf(
      ended('completed', [
        aSession({ endedAt: at('09:10') }),
        aSession({ id: 's2', userId: ROBIN, startedAt: at('09:20'), endedAt: at('09:25') }),
      ]),
    );

    expect(stepTimeChanges(before, after)).toMatchObject({ written: [{ userId: ROBIN }], removed: [] });
    expect(stepTimeChanges(after, after)).toEqual({ written: [], removed: [] });
  });

  it('takes the row of a step back when it is reopened', () => {
    const before = stepTimesOf(ended('completed', [aSession({ endedAt: at('09:10') })]));

    expect(stepTimeChanges(before, [])).toEqual({ written: [], removed: before });
  });

  it('writes a row again whose seconds were corrected', () => {
    const before = stepTimesOf(ended('completed', [aSession({ endedAt: at('09:10') })]));
    const after = stepTimesOf(ended('completed', [aSession({ endedAt: at('09:05') })]));

    expect(stepTimeChanges(before, after)).toMatchObject({ written: [{ seconds: 300 }], removed: [] });
  });
});

import { describe, expect, it } from '@jest/globals';
import { aSession, at, aTracked } from '../../test/build.js';
import { workflowTime } from '../sessions/workflow-time.js';
import { gapsOf } from './gap.rules.js';

const timeOf = (end: string, estimates: number[]) => {
  const steps = estimates.map((estimateSeconds) => ({
    name: 'Step',
    estimateSeconds,
    status: 'completed' as const,
    endedAt: at(end).toISOString(),
  }));
  return workflowTime(aTracked([aSession({ endedAt: at(end) })], { steps }), at('12:00'), 7200);
};

describe('gaps', () => {
  it('are none at exactly 120 %', () => {
    expect(gapsOf(timeOf('09:12', [600]))).toEqual([]);
  });

  it('are a step and the whole one second later', () => {
    expect(gapsOf(timeOf('09:12:01', [600]))).toEqual([
      { stepIndex: 0, ratio: 1.202, secondsOver: 121 },
      { stepIndex: null, ratio: 1.202, secondsOver: 121 },
    ]);
  });

  it('are a step alone while the whole is within its estimate', () => {
    expect(gapsOf(timeOf('09:15', [600, 600]))).toMatchObject([{ stepIndex: 0, secondsOver: 300 }]);
  });

  it('are none without an estimate', () => {
    expect(gapsOf(timeOf('11:00', [0]))).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { learn, percentile } from './estimate.rules.js';

describe('an estimate', () => {
  it('is that of the template below five samples', () => {
    expect(learn([100, 200, 300, 400], 900)).toEqual({
      p50Seconds: 900,
      p80Seconds: 900,
      samples: 4,
      p80HeldRate: null,
    });
  });

  it('is learned from five samples on, whatever their order', () => {
    expect(learn([500, 100, 300, 200, 400], 900)).toMatchObject({ p50Seconds: 300, p80Seconds: 420, samples: 5 });
  });

  it('says how often p80 of all others held', () => {
    // Of the others of 500, p80 is 340 and of the others of 400 it is 380: these two did not hold.
    expect(learn([100, 200, 300, 400, 500], 900).p80HeldRate).toBe(0.6);
  });

  it('always held where all samples are equal', () => {
    expect(learn([60, 60, 60, 60, 60, 60], 900)).toEqual({
      p50Seconds: 60,
      p80Seconds: 60,
      samples: 6,
      p80HeldRate: 1,
    });
  });
});

describe('a percentile', () => {
  it.each([
    [[10], 0.8, 10],
    [[10, 20], 0.5, 15],
    [[1, 2, 3, 4], 0.8, 3.4],
  ])('of %j at %d is %d', (sorted, share, value) => {
    expect(percentile(sorted, share)).toBeCloseTo(value, 10);
  });
});

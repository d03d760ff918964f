import { describe, expect, it } from '@jest/globals';
import { at } from '../../test/build.js';
import { bandOf, ratioOf, wholeSeconds } from './seconds.js';

describe('whole seconds', () => {
  it.each([
    ['09:00:00.000', '09:00:00.999', 0],
    ['09:00:00.500', '09:00:01.500', 1],
    ['09:00:00.001', '09:00:02.000', 1],
  ])('from %s to %s are %d', (start, end, seconds) => {
    expect(wholeSeconds(at(start), at(end))).toBe(seconds);
  });

  it('are never negative when clocks disagree', () => {
    expect(wholeSeconds(at('09:00:05'), at('09:00:01'))).toBe(0);
  });
});

describe('actual against estimate', () => {
  it.each([
    [0, 900, 'ok', 0],
    [900, 900, 'ok', 1],
    [901, 900, 'warning', 1.001],
    [1080, 900, 'warning', 1.2],
    [1081, 900, 'over', 1.201],
    [6, 5, 'warning', 1.2],
    [7, 5, 'over', 1.4],
  ])('%d s of %d s is %s', (seconds, estimate, band, ratio) => {
    expect(bandOf(seconds, estimate)).toBe(band);
    expect(ratioOf(seconds, estimate)).toBe(ratio);
  });

  it('says nothing without an estimate', () => {
    expect(bandOf(5000, 0)).toBe('ok');
    expect(ratioOf(5000, 0)).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import { Zone } from '../sessions/zone.js';
import { intervalStarts, pointsBetween } from './intervals.js';

function starts(from: string, to: string, interval: 'day' | 'week', zone: string): string[] {
  return intervalStarts(new Date(from), new Date(to), interval, Zone.of(zone)).map((start) => start.toISOString());
}

describe('the points of a trend', () => {
  it('are the days of the zone, over a change of its clocks', () => {
    expect(starts('2026-03-28T12:00:00Z', '2026-03-31T00:00:00Z', 'day', 'Europe/Berlin')).toEqual([
      '2026-03-27T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
      '2026-03-30T22:00:00.000Z',
    ]);
  });

  it('leave out the day that begins where they end', () => {
    expect(starts('2026-11-20T00:00:00Z', '2026-11-21T00:00:00Z', 'day', 'UTC')).toEqual(['2026-11-20T00:00:00.000Z']);
  });

  it('are weeks that begin on Monday', () => {
    expect(starts('2026-11-22T12:00:00Z', '2026-11-24T00:00:00Z', 'week', 'UTC')).toEqual([
      '2026-11-16T00:00:00.000Z',
      '2026-11-23T00:00:00.000Z',
    ]);
  });

  it('know weeks before 1970', () => {
    expect(starts('1969-12-31T00:00:00Z', '1970-01-01T00:00:00Z', 'week', 'UTC')).toEqual(['1969-12-29T00:00:00.000Z']);
  });

  it('never have the same start twice where a zone left out a day', () => {
    const samoa = starts('2011-12-29T12:00:00Z', '2012-01-01T12:00:00Z', 'day', 'Pacific/Apia');

    expect(new Set(samoa).size).toBe(samoa.length);
    expect(samoa).toEqual(samoa.toSorted());
  });

  it('can be counted before they are made', () => {
    expect(pointsBetween(new Date('2026-11-01T00:00:00Z'), new Date('2026-11-15T00:00:00Z'), 'day')).toBe(14);
    expect(pointsBetween(new Date('2026-11-01T00:00:00Z'), new Date('2026-11-15T00:00:00Z'), 'week')).toBe(2);
  });
});

import { describe, expect, it } from '@jest/globals';
import { momentOf } from './input.js';

describe('a moment', () => {
  it('keeps its milliseconds and loses its zone', () => {
    expect(momentOf('from', '2026-11-21T10:30:00.123456+01:00')?.toISOString()).toBe('2026-11-21T09:30:00.123Z');
  });

  it('may be left out', () => {
    expect(momentOf('from', undefined)).toBeNull();
  });

  it('must be in the calendar', () => {
    expect(() => momentOf('from', '2026-02-40T00:00:00Z')).toThrow('Some values are not valid');
  });
});

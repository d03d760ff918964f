import { describe, expect, it } from '@jest/globals';
import { readRetryAfter } from './retry-after.js';

const NOW = Date.parse('2026-01-17T12:00:00Z');

describe('readRetryAfter', () => {
  it('reads seconds', () => {
    expect(readRetryAfter('3', NOW)).toBe(3000);
  });

  it('reads a date', () => {
    expect(readRetryAfter('Sat, 17 Jan 2026 12:00:05 GMT', NOW)).toBe(5000);
  });

  it('does not wait for a date that has passed', () => {
    expect(readRetryAfter('Sat, 17 Jan 2026 11:00:00 GMT', NOW)).toBe(0);
  });

  it('ignores what it cannot read', () => {
    expect([readRetryAfter(undefined, NOW), readRetryAfter('soon', NOW), readRetryAfter('', NOW)]).toEqual([
      null,
      null,
      null,
    ]);
  });
});

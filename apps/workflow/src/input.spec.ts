import { describe, expect, it } from '@jest/globals';
import { momentOf } from './input.js';

describe('the moment of a filter', () => {
  it('is that moment, in whatever zone it was written', () => {
    expect(momentOf('from', '2024-02-29T01:00:00+02:00')?.toISOString()).toBe('2024-02-28T23:00:00.000Z');
  });

  it('is null where it is left out', () => {
    expect([momentOf('from', undefined), momentOf('from', null)]).toEqual([null, null]);
  });

  it.each(['2026-02-31T00:00:00Z', '2026-02-29T23:00:00-05:00', '2026-04-31T00:00:00Z'])(
    'is refused for %s, which no calendar has',
    (value) => {
      expect(() => momentOf('from', value)).toThrow(
        expect.objectContaining({
          code: 'VALIDATION_ERROR',
          details: { violations: [expect.objectContaining({ path: 'from' })] },
        }),
      );
    },
  );
});

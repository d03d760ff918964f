import { describe, expect, it } from '@jest/globals';
import { fromCursor, toCursor } from './cursor.js';

const POSITION = { endedAt: '2026-11-21T09:30:00.123Z', id: '0198c5b0-0000-7000-8000-000000000001' };

describe('a cursor', () => {
  it('leads back to its position', () => {
    expect(fromCursor(toCursor(POSITION))).toEqual(POSITION);
  });

  it.each([
    'x',
    '',
    'null',
    Buffer.from(`2026-11-21 ${POSITION.id}`).toString('base64url'),
    toCursor({ ...POSITION, endedAt: '2026-13-41T09:30:00.000Z' }),
    toCursor({ ...POSITION, endedAt: '2026-02-31T09:30:00.000Z' }),
    toCursor({ ...POSITION, endedAt: '2026-11-21T24:00:00.000Z' }),
    toCursor({ ...POSITION, endedAt: '0000-01-01T00:00:00.000Z' }),
    toCursor({ ...POSITION, id: "' OR 1=1" }),
  ])('that was made up is refused: %j', (cursor) => {
    expect(() => fromCursor(cursor)).toThrow('Some values are not valid');
  });
});

import { describe, expect, it } from '@jest/globals';
import { type Frame, framesOf, recordOf } from './frames.js';

describe('frames', () => {
  it('come out of a record as they went in', () => {
    const frames: Frame[] = [
      { headers: { name: 'a', note: 'ß 🎉' }, body: '{"text":"Ünïcode 🎉"}' },
      { headers: {}, body: '' },
      { headers: { name: 'b' }, body: 'x'.repeat(70_000) },
    ];

    expect(framesOf(recordOf(frames))).toEqual(frames);
  });

  it('are one where a record is an event, whose headers are its own', () => {
    const record = { headers: { name: Buffer.from('a') }, value: Buffer.from('{}') };

    expect(framesOf(record)).toEqual([{ headers: { name: 'a' }, body: '{}' }]);
    expect(framesOf({ headers: {}, value: null })).toEqual([{ headers: {}, body: '' }]);
  });

  it('have no headers where one is no text', () => {
    const odd = [{ name: { toString: 0 }, ok: '1' }, { correlation: 5 }, { id: null }] as unknown as Frame['headers'][];

    for (const headers of odd) expect(framesOf(recordOf([{ headers, body: '' }]))).toEqual([{ headers: {}, body: '' }]);
  });

  it('are one without headers where a record says that it has frames and has none', () => {
    const { headers, value } = recordOf([{ headers: {}, body: '{}' }]);

    for (const broken of [value.subarray(0, -1), value.subarray(0, 3), Buffer.alloc(8, 255), Buffer.alloc(12, 1)])
      expect(framesOf({ headers, value: broken })).toEqual([{ headers: {}, body: '' }]);
  });
});

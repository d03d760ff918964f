import { describe, expect, it } from '@jest/globals';
import { InFlight } from './in-flight.js';

describe('InFlight', () => {
  it('gives out what was put in, once, for its ticket', () => {
    const inFlight = new InFlight<string>();
    const [first, second] = ['a', 'b'].map((value) => inFlight.add(value)) as [number, number];

    expect(inFlight.list()).toEqual(['a', 'b']);
    expect(inFlight.take(first)).toBe('a');
    expect(inFlight.take(first)).toBeUndefined();
    expect(inFlight.list()).toEqual(['b']);
    expect(inFlight.take(second)).toBe('b');
    expect(inFlight.size).toBe(0);
  });

  it('uses a place again, and not its ticket', () => {
    const inFlight = new InFlight<string>();
    const old = inFlight.add('a');
    inFlight.take(old);
    const ticket = inFlight.add('b');

    expect(inFlight.take(old)).toBeUndefined();
    expect(inFlight.take(ticket)).toBe('b');
  });

  it('knows no ticket that it did not give', () => {
    const inFlight = new InFlight<string>();
    inFlight.add('a');
    inFlight.take(inFlight.add('b'));

    for (const ticket of [0, 1, -1, 7, NaN, Infinity]) expect(inFlight.take(ticket)).toBeUndefined();
    expect(inFlight.size).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Arrivals } from './arrivals.js';

const FOREVER_MS = 60_000;

describe('waiting for a change', () => {
  it('ends for all who wait for that workflow', async () => {
    const arrivals = new Arrivals();
    const waiting = Promise.all([arrivals.next('a', FOREVER_MS), arrivals.next('a', FOREVER_MS)]);

    arrivals.announce('a');

    await expect(waiting).resolves.toHaveLength(2);
  });

  it('goes on when another workflow changes', async () => {
    const arrivals = new Arrivals();
    let isOver = false;
    const waiting = arrivals.next('a', FOREVER_MS).then(() => (isOver = true));

    arrivals.announce('b');
    await Promise.resolve();
    const wasOver = isOver;
    arrivals.announce('a');
    await waiting;

    expect(wasOver).toBe(false);
  });

  it('ends after the given time', async () => {
    const arrivals = new Arrivals();

    await expect(arrivals.next('a', 1)).resolves.toBeUndefined();
  });
});

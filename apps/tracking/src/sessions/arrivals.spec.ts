import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Arrivals } from './arrivals.js';

const FOREVER_MS = 60_000;

describe('waiting for a change', () => {
  it('ends for all who wait for that workflow', async () => {
    const arrivals = new Arrivals();
    const waiting = Promise.all([arrivals.next('a', 1, FOREVER_MS), arrivals.next('a', 2, FOREVER_MS)]);

    arrivals.announce('a', 2);

    await expect(waiting).resolves.toHaveLength(2);
  });

  it.each([
    ['another workflow changes', 'b', 9],
    ['an earlier change has come', 'a', 1],
  ])('goes on when %s', async (_what, id, rowVersion) => {
    const arrivals = new Arrivals();
    let isOver = false;
    const waiting = arrivals.next('a', 2, FOREVER_MS).then(() => (isOver = true));

    arrivals.announce(id, rowVersion);
    await nextTurn();
    const wasOver = isOver;
    arrivals.announce('a', 2);
    await waiting;

    expect(wasOver).toBe(false);
  });

  it('ends after the given time', async () => {
    const arrivals = new Arrivals();

    await expect(arrivals.next('a', 1, 1)).resolves.toBeUndefined();
  });
});

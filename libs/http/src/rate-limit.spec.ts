import { describe, expect, it } from '@jest/globals';
import { RateLimit } from './rate-limit.js';

const NEVER = Number.MAX_SAFE_INTEGER;

describe('RateLimit', () => {
  it('lets a burst pass at once, and then as many as it refills', () => {
    const limit = new RateLimit({ ratePerSecond: 2, rateBurst: 3 });

    const waits = Array.from({ length: 6 }, () => limit.take(1_000_000, NEVER).waitMs);

    expect(waits).toEqual([0, 0, 0, 500, 1_000, 1_500]);
  });

  it('fills up again, and never beyond the burst', () => {
    const limit = new RateLimit({ ratePerSecond: 1, rateBurst: 2 });
    limit.take(0, NEVER);
    limit.take(0, NEVER);

    const waits = Array.from({ length: 3 }, () => limit.take(60_000, NEVER).waitMs);

    expect(waits).toEqual([0, 0, 1_000]);
  });

  it('follows its settings when they change', () => {
    const settings = { ratePerSecond: 1, rateBurst: 1 };
    const limit = new RateLimit(settings);
    limit.take(0, NEVER);
    settings.ratePerSecond = 10;

    const waits = [limit.take(0, NEVER).waitMs, limit.take(0, NEVER).waitMs];

    expect(waits).toEqual([1_000, 1_100]);
  });

  it('takes nothing where the wait would last too long', () => {
    const limit = new RateLimit({ ratePerSecond: 1, rateBurst: 1 });
    limit.take(0, NEVER);

    const refused = limit.take(0, 999);
    const next = limit.take(0, 1_000);

    expect([refused, next]).toEqual([
      { waitMs: 1_000, taken: false },
      { waitMs: 1_000, taken: true },
    ]);
  });

  it('has no limit of its own at 0 a second', () => {
    const limit = new RateLimit({ ratePerSecond: 0, rateBurst: 1 });

    const waits = Array.from({ length: 1_000 }, () => limit.take(5, NEVER).waitMs);

    expect(Math.max(...waits)).toBe(0);
  });

  it('starts nothing while the upstream wants no call', () => {
    const limit = new RateLimit({ ratePerSecond: 10, rateBurst: 2 });
    limit.hold(0, 5_000);

    const waits = Array.from({ length: 3 }, () => limit.take(1_000, NEVER).waitMs);

    expect(waits).toEqual([4_000, 4_000, 4_100]);
    expect([limit.heldMs(1_000), limit.heldMs(6_000)]).toEqual([4_000, 0]);
  });

  it('does not believe in a wait of a year', () => {
    const limit = new RateLimit({ ratePerSecond: 10, rateBurst: 2 });

    limit.hold(0, 31_536_000_000);

    expect(limit.heldMs(0)).toBe(900_000);
  });
});

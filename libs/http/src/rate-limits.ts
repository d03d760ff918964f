import { createHash } from 'node:crypto';
import type { RedisConnection } from '@qa-pms/platform';
import { LRUCache } from 'lru-cache';
import { MAX_HOLD_MS, RateLimit } from './rate-limit.js';

/** Accounts whose limits are kept in mind. */
const MAX_ACCOUNTS = 1_000;

/** A place in the line of an account. */
export interface Turn {
  /** Milliseconds until it comes. */
  waitMs: number;
  /** False where that would be too late: nothing was used up then. */
  taken: boolean;
  /** Whether the upstream itself wants no call at the moment. */
  isHeld: boolean;
}

/**
 * RateLimit.take() for all instances, by Redis's own clock. Keys: the moment at which the bucket is full again, and one
 * that lives as long as the upstream wants no call. Arguments, in milliseconds: interval, tolerance, longest wait, and
 * what this instance knows of the upstream's wish.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = math.max(redis.call('PTTL', KEYS[2]), tonumber(ARGV[4]), 0)
local from = now + held
local fullAt = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), from)
local startAt = math.max(from, fullAt - tolerance)
local taken = startAt - now <= tonumber(ARGV[3])
if taken and interval > 0 then
  local newFullAt = fullAt + interval
  redis.call('SET', KEYS[1], string.format('%.3f', newFullAt), 'PX', math.ceil(newFullAt - now))
end
return { math.ceil(startAt - now), taken and 1 or 0, held > 0 and 1 or 0 }`;

/** A wait is prolonged, never cut short. */
const HOLD = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end`;

/**
 * The limits of a site's accounts. With Redis all instances share them; without it, and while it is gone, each instance
 * keeps them for itself.
 */
export class RateLimits {
  private readonly own = new LRUCache<string, RateLimit>({ max: MAX_ACCOUNTS });

  /** `site`: names the upstream and its server. */
  constructor(
    private readonly site: string,
    private readonly settings: { ratePerSecond: number; rateBurst: number },
    private readonly redis: RedisConnection | null,
  ) {}

  /** Takes the account's next turn, unless it would come after `latest` (epoch milliseconds). */
  async take(account: string, latest: number): Promise<Turn> {
    const own = this.ownOf(account);
    const now = Date.now();
    const values = [own.intervalMs, own.toleranceMs, latest - now, own.heldMs(now)];
    const keys = this.keysOf(account);
    const shared = await this.redis?.ask('EVAL', (redis) => redis.eval(TAKE, 2, ...keys, ...values));
    if (shared) {
      const [waitMs, taken, isHeld] = shared as [number, number, number];
      return { waitMs, taken: taken === 1, isHeld: isHeld === 1 };
    }
    const isHeld = own.heldMs(Date.now()) > 0;
    return { ...own.take(Date.now(), latest), isHeld };
  }

  /** Lets none of the account's calls start for a while: the upstream said so. */
  async hold(account: string, forMs: number): Promise<void> {
    const boundMs = Math.ceil(Math.min(forMs, MAX_HOLD_MS));
    this.ownOf(account).hold(Date.now(), boundMs);
    if (boundMs > 0) await this.redis?.ask('EVAL', (redis) => redis.eval(HOLD, 1, this.keysOf(account)[1], boundMs));
  }

  /** Milliseconds that the upstream still wants no call of the account. */
  async heldMs(account: string): Promise<number> {
    const shared = await this.redis?.ask('PTTL', (redis) => redis.pttl(this.keysOf(account)[1]));
    return Math.max(shared ?? 0, this.ownOf(account).heldMs(Date.now()));
  }

  private ownOf(account: string): RateLimit {
    const known = this.own.get(account) ?? new RateLimit(this.settings);
    this.own.set(account, known);
    return known;
  }

  /** Redis gets no names of people; in a cluster both keys lie on one server. */
  private keysOf(account: string): [string, string] {
    const id = createHash('sha256').update(`${this.site} ${account}`).digest('base64url').slice(0, 22);
    return [`rate:{${id}}:full`, `rate:{${id}}:held`];
  }
}

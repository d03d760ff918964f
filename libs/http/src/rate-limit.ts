/** An upstream that says a wait beyond this is asked again then: it may be wrong, and limits last an hour at most. */
export const MAX_HOLD_MS = 15 * 60_000;

/**
 * The limit of one account: a token bucket, kept as the moment at which it is full again (GCRA, ITU-T I.371), and a
 * moment before which the upstream wants no call at all. Times are epoch milliseconds.
 */
export class RateLimit {
  private fullAt = 0;
  private heldUntil = 0;

  /** Looked at for each call, for they may change: `ratePerSecond` 0 is no limit. */
  constructor(private readonly settings: { ratePerSecond: number; rateBurst: number }) {}

  /** Milliseconds in which a token comes back; 0: no limit. */
  get intervalMs(): number {
    const { ratePerSecond } = this.settings;
    return ratePerSecond > 0 ? 1000 / ratePerSecond : 0;
  }

  /** Milliseconds that a burst may be ahead. */
  get toleranceMs(): number {
    return (Math.max(1, this.settings.rateBurst) - 1) * this.intervalMs;
  }

  /** Takes a token and answers the wait for it; takes none where that would be over after `latest`. */
  take(now: number, latest: number): { waitMs: number; taken: boolean } {
    const from = Math.max(now, this.heldUntil);
    const fullAt = Math.max(this.fullAt, from);
    const startAt = Math.max(from, fullAt - this.toleranceMs);
    const taken = startAt <= latest;
    if (taken) this.fullAt = fullAt + this.intervalMs;
    return { waitMs: startAt - now, taken };
  }

  /** Lets no call start for a while: the upstream said so. */
  hold(now: number, forMs: number): void {
    this.heldUntil = Math.max(this.heldUntil, now + Math.min(forMs, MAX_HOLD_MS));
  }

  /** Milliseconds that the upstream still wants no call. */
  heldMs(now: number): number {
    return Math.max(0, this.heldUntil - now);
  }
}

import { setImmediate } from 'node:timers/promises';
import type { Log } from '@qa-pms/platform';
import {
  bulkhead,
  type BulkheadPolicy,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  CountBreaker,
  handleWhenResult,
} from 'cockatiel';
import type { Failures, Outcome } from './failures.js';
import type { BreakerState, HttpObserver } from './observer.js';
import type { UpstreamSettings } from './upstream.settings.js';

const STATES: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

/** Thrown through the breaker by a try that says nothing of the upstream: it is not counted. */
class NotCounted extends Error {
  constructor(readonly result: Outcome<unknown>) {
    super('not counted');
  }
}

/** Bulkhead and circuit breaker of one site: bounded calls at once, bounded waiting, and rest for what is broken. */
export class Protection {
  private bulkhead: { limits: string; policy: BulkheadPolicy } | null = null;
  private readonly breaker;
  private openUntil = 0;

  constructor(
    private readonly names: { upstream: string; server: string },
    private readonly settings: UpstreamSettings,
    private readonly failures: Failures,
    private readonly observer: HttpObserver,
    log?: Pick<Log, 'warn'>,
  ) {
    const window = Math.max(1, Math.trunc(settings.breakerWindow));
    this.breaker = circuitBreaker(
      handleWhenResult((result) => speaksAgainst(result as Outcome<unknown>)),
      {
        halfOpenAfter: settings.breakerOpenMs,
        breaker: new CountBreaker({
          threshold: Math.min(99, settings.breakerFailurePercent) / 100,
          size: window,
          minimumNumberOfCalls: Math.min(window, Math.max(1, Math.trunc(settings.breakerMinCalls))),
        }),
      },
    );
    let from: BreakerState = 'closed';
    this.breaker.onStateChange((state) => {
      if (state === CircuitState.Open) this.openUntil = Date.now() + settings.breakerOpenMs;
      const change = { ...names, from, to: STATES[state] };
      this.observer.breakerChanged(change);
      log?.warn(change, 'circuit breaker changed');
      from = STATES[state];
    });
  }

  /** The refusal of an open breaker; null where it lets a call through. */
  refusal(): Outcome<never> | null {
    const now = Date.now();
    const { state } = this.breaker;
    // Half open means that a trial is under way: one is enough, and the others need not wait for it.
    const refused = state === CircuitState.HalfOpen || (state === CircuitState.Open && now < this.openUntil);
    if (!refused) return null;
    this.observer.breakerUsed({ ...this.names, outcome: 'rejected' });
    return this.failures.circuitOpen(Math.max(0, this.openUntil - now));
  }

  /** Makes a try when its turn comes. `onAbort` answers for one whose signal fires before. */
  async run<T>(work: () => Promise<Outcome<T>>, signal: AbortSignal, onAbort: () => Outcome<T>): Promise<Outcome<T>> {
    let started = false;
    const turn = this.currentBulkhead().execute(async () => {
      started = true;
      const result = signal.aborted ? onAbort() : (this.refusal() ?? (await this.tried(work)));
      // undici has the connection free a turn later: before that the next call would open another.
      await setImmediate();
      return result;
    });
    // The library tells a waiting call of its abort only when its turn comes, which a hanging upstream delays.
    const { promise: aborted, resolve } = Promise.withResolvers<Outcome<T>>();
    const stop = (): void => {
      if (!started) resolve(onAbort());
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([turn, aborted]);
    } catch (error) {
      if (error instanceof BulkheadRejectedError) return this.failures.overloaded();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** One of the limits as they are now: a reload may change them. Calls in hand end under those before. */
  private currentBulkhead(): BulkheadPolicy {
    const { concurrency, queue } = this.settings;
    const limits = `${String(concurrency)} ${String(queue)}`;
    if (this.bulkhead?.limits !== limits) this.bulkhead = { limits, policy: bulkhead(concurrency, queue) };
    return this.bulkhead.policy;
  }

  private async tried<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    try {
      return await this.breaker.execute(async () => {
        const isTrial = this.breaker.state === CircuitState.HalfOpen;
        const result = await work();
        if ('outcome' in result && result.outcome === 'cancelled' && !isTrial) throw new NotCounted(result);
        const outcome = speaksAgainst(result) ? 'failure' : 'success';
        this.observer.breakerUsed({ ...this.names, outcome });
        return result;
      });
    } catch (error) {
      if (error instanceof NotCounted) return error.result as Outcome<T>;
      throw error;
    }
  }
}

/** A trial that was given up has not shown that the upstream is back; elsewhere such a try is not counted. */
function speaksAgainst(result: Outcome<unknown>): boolean {
  return 'outcome' in result && (result.isFault || result.outcome === 'cancelled');
}

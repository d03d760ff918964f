import { counter, gauge, histogram, observe } from '@qa-pms/platform';
import type { BreakerState, HttpObserver } from './observer.js';

const calls = counter(
  'upstream_requests_total',
  'Calls of external systems, with all their tries, by what came of them.',
  ['upstream', 'outcome'],
);
const durations = histogram('upstream_request_duration_seconds', 'From a call of an external system to its end.', {
  labels: ['upstream', 'outcome'],
});
const retries = counter('upstream_retries_total', 'Further tries, by what came of the one before.', [
  'upstream',
  'outcome',
]);
const limited = counter(
  'upstream_rate_limited_total',
  'Calls that a rate limit made wait or fail: `upstream` or `client`.',
  ['upstream', 'by'],
);
const states = gauge('circuit_breaker_state', '0 closed, 1 half open, 2 open; the worst of the sites of an upstream.', [
  'upstream',
]);
const transitions = counter('circuit_breaker_transitions_total', 'Changes of a circuit breaker.', [
  'upstream',
  'from',
  'to',
]);
const uses = counter('circuit_breaker_calls_total', 'Tries that a circuit breaker counted or refused.', [
  'upstream',
  'outcome',
]);

const VALUES: Record<BreakerState, number> = { closed: 0, half_open: 1, open: 2 };

/** Tells a service's calls of external systems as metrics. */
export function httpMetrics(service: string): HttpObserver {
  const breakers = new Map<string, Map<string, BreakerState>>();
  const show = (upstream: string, server: string, state: BreakerState): void => {
    const servers = breakers.get(upstream) ?? new Map<string, BreakerState>();
    breakers.set(upstream, servers.set(server, state));
    states.set({ service, upstream }, Math.max(...[...servers.values()].map((one) => VALUES[one])));
  };
  return {
    callEnded: ({ upstream, outcome, durationSeconds }) => {
      calls.inc({ service, upstream, outcome });
      observe(durations, { service, upstream, outcome }, durationSeconds);
    },
    retried: ({ upstream, outcome }) => {
      retries.inc({ service, upstream, outcome });
    },
    rateLimited: ({ upstream, by }) => {
      limited.inc({ service, upstream, by });
    },
    breakerUsed: ({ upstream, server, outcome }) => {
      uses.inc({ service, upstream, outcome });
      // It starts closed, and says so by nothing else.
      if (!breakers.get(upstream)?.has(server)) show(upstream, server, 'closed');
    },
    breakerChanged: ({ upstream, server, from, to }) => {
      transitions.inc({ service, upstream, from, to });
      show(upstream, server, to);
    },
  };
}

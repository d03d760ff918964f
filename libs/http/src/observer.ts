/** How a call ended. `ok` covers every answer that the caller accepts. */
export type CallOutcome =
  | 'ok'
  /** Credentials refused (401, 403). */
  | 'refused'
  /** Answered with an error, or with what cannot be read. */
  | 'failed'
  /** No connection, or it broke. */
  | 'unreachable'
  | 'timeout'
  /** The upstream's limit (429), or ours, leaves no time for it. */
  | 'rate_limited'
  /** Not sent: the circuit breaker is open. */
  | 'circuit_open'
  /** Not sent: too many calls wait already. */
  | 'overloaded'
  /** Not sent: the address is not allowed. */
  | 'not_allowed'
  /** Given up by the caller. */
  | 'cancelled';

export type BreakerState = 'closed' | 'half_open' | 'open';

/**
 * Hears what the client does, for metrics. `upstream` is one of a few names; `server` (host and port) tells apart the
 * breakers of several sites of one upstream and is no label. Methods must not throw.
 */
export interface HttpObserver {
  /** A call ended, with all its tries and pauses. */
  callEnded(event: { upstream: string; outcome: CallOutcome; durationSeconds: number }): void;
  /** A further try is made. `outcome` is that of the try before. */
  retried(event: { upstream: string; outcome: CallOutcome }): void;
  /** The upstream's limit (`upstream`: 429, or its headers) or ours (`client`) made a call wait or fail. */
  rateLimited(event: { upstream: string; by: 'upstream' | 'client' }): void;
  /** A try passed the breaker and counted (`success`, `failure`), or was refused by it. */
  breakerUsed(event: { upstream: string; server: string; outcome: 'success' | 'failure' | 'rejected' }): void;
  /** The breaker changed its state. It starts closed. */
  breakerChanged(event: { upstream: string; server: string; from: BreakerState; to: BreakerState }): void;
}

/** Hears nothing. */
export const SILENT: HttpObserver = {
  callEnded: () => undefined,
  retried: () => undefined,
  rateLimited: () => undefined,
  breakerUsed: () => undefined,
  breakerChanged: () => undefined,
};

/** Nest token under which an application may provide the observer of all its clients. */
export const HTTP_OBSERVER = Symbol('http observer');

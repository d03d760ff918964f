import { AppError } from '@qa-pms/contracts';
import { errors } from 'undici';
import { BadAnswer } from './body.js';
import { NotAllowed } from './guard.js';
import type { CallOutcome } from './observer.js';

/** A try that failed. */
export interface Failure {
  error: AppError;
  /** `ok`: the upstream answered as it should, and the caller made an error of that. */
  outcome: CallOutcome;
  /** Whether another try may help. */
  retryable: boolean;
  /** Whether it speaks against the upstream: the circuit breaker counts it. A refused call shows that it lives. */
  isFault: boolean;
  /** Milliseconds that the upstream, or our own protection, wants us to wait; null where nobody says. */
  waitMs: number | null;
}

/** How a try ended. */
export type Outcome<T> = { value: T } | Failure;

/** Of undici (https://undici.nodejs.org/#/docs/api/Errors.md) and the operating system. */
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

const UNTRUSTED = 'its TLS certificate is from no authority that we trust; NODE_EXTRA_CA_CERTS names more';
/** Reasons by code. OpenSSL's codes: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const REASONS: Record<string, string | undefined> = {
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  CERT_NOT_YET_VALID: 'its TLS certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ENOTFOUND: 'its host name does not resolve',
  EAI_AGAIN: 'its host name does not resolve now',
  ECONNREFUSED: 'nothing listens at its address',
  EHOSTUNREACH: 'no way leads to its address',
  ENETUNREACH: 'no way leads to its address',
};
const BROKEN = 'the connection broke';

/** Statuses that mean "come back later", not "something is wrong with the call". */
const BUSY = new Set([429, 503]);

/** Makes the failures of one upstream. What libraries say stays out of them: it may hold addresses and headers. */
export class Failures {
  constructor(private readonly upstream: string) {}

  /** Of a status that the caller does not accept. */
  ofStatus(status: number, waitMs: number | null): Failure {
    if (status === 401 || status === 403) {
      return this.make('UPSTREAM_REFUSED', 'refused', { status });
    }
    if (status >= 300 && status < 400) {
      const reason = 'it redirects, which is not followed: is the address its final one?';
      return this.make('UPSTREAM_FAILED', 'failed', { status, reason });
    }
    const retryable = status === 408 || status === 429 || status >= 500;
    const outcome = status === 429 ? 'rate_limited' : 'failed';
    const reason = status === 429 ? 'its rate limit is used up' : `status ${status}`;
    const code = BUSY.has(status) ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_FAILED';
    return this.make(code, outcome, { status, reason, retryable, isFault: status >= 500, waitMs });
  }

  /** Of an answer that is not what the upstream promises. */
  badAnswer(status: number | null, reason: string): Failure {
    return this.make('UPSTREAM_FAILED', 'failed', { status, reason, retryable: true, isFault: true });
  }

  notAllowed(reason: string): Failure {
    return this.make('UPSTREAM_NOT_ALLOWED', 'not_allowed', { reason });
  }

  /** The deadline passed, or the caller gave up. */
  late(cancelled: boolean): Failure {
    return cancelled
      ? this.make('UPSTREAM_TIMEOUT', 'cancelled', { reason: 'the call was given up' })
      : this.make('UPSTREAM_TIMEOUT', 'timeout', { isFault: true });
  }

  rateLimited(waitMs: number): Failure {
    const reason = 'its rate limit leaves no time for this call';
    return this.make('UPSTREAM_UNAVAILABLE', 'rate_limited', { reason, waitMs });
  }

  circuitOpen(waitMs: number): Failure {
    const reason = 'too many calls failed, so it is left alone for a while';
    return this.make('UPSTREAM_UNAVAILABLE', 'circuit_open', { reason, waitMs });
  }

  overloaded(): Failure {
    return this.make('UPSTREAM_UNAVAILABLE', 'overloaded', { reason: 'too many calls wait for it already' });
  }

  /** Of what was thrown on the way. */
  ofFault(fault: unknown, status: number | null): Failure {
    if (fault instanceof BadAnswer) return this.badAnswer(status, fault.message);
    if (fault instanceof NotAllowed) return this.notAllowed(fault.message);
    const { code } = fault as { code?: unknown };
    const name = typeof code === 'string' ? code : '';
    // The client was closed.
    if (name === 'UND_ERR_DESTROYED' || name === 'UND_ERR_CLOSED') return this.late(true);
    if (TIMEOUTS.has(name))
      return this.make('UPSTREAM_TIMEOUT', 'timeout', { reason: 'no connection', retryable: true, isFault: true });
    if (name === 'UND_ERR_HEADERS_OVERFLOW') return this.badAnswer(status, 'the headers of its answer are too large');
    if (name === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
      return this.badAnswer(status, 'its answer is not as long as it says');
    }
    if (fault instanceof errors.HTTPParserError) return this.badAnswer(status, 'its answer is not HTTP');
    const known = REASONS[name];
    if (known === undefined && isTls(name)) return this.unreachable('no TLS 1.2 or newer could be agreed', false);
    const permanent = known === UNTRUSTED || name.startsWith('CERT_') || name === 'ERR_TLS_CERT_ALTNAME_INVALID';
    return this.unreachable(known ?? BROKEN, !permanent);
  }

  private unreachable(reason: string, retryable: boolean): Failure {
    return this.make('UPSTREAM_UNAVAILABLE', 'unreachable', { reason, retryable, isFault: true });
  }

  private make(
    code: 'UPSTREAM_FAILED' | 'UPSTREAM_NOT_ALLOWED' | 'UPSTREAM_REFUSED' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_UNAVAILABLE',
    outcome: Failure['outcome'],
    facts: Partial<Pick<Failure, 'retryable' | 'isFault' | 'waitMs'>> & { status?: number | null; reason?: string },
  ): Failure {
    const { status = null, reason, retryable = false, isFault = false, waitMs = null } = facts;
    const details = {
      upstream: this.upstream,
      status,
      ...(reason !== undefined && { reason }),
      ...(waitMs !== null && { retryAfterSeconds: Math.ceil(waitMs / 1000) }),
    };
    return { error: new AppError(code, details), outcome, retryable, isFault, waitMs };
  }
}

function isTls(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}

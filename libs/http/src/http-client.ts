import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@qa-pms/contracts';
import { Agent, request as send } from 'undici';
import { readRetryAfter } from './retry-after.js';

/** How one upstream is reached. */
export interface HttpClientOptions {
  /** Name of the upstream, as errors give it: `jira`. */
  upstream: string;
  /** Address that every path is appended to; nothing else is ever called. */
  baseUrl: string;
  /** Headers of every call, such as `authorization`. Never part of an error. */
  headers?: Record<string, string>;
  /** Milliseconds for a call with all its tries and pauses. */
  timeoutMs?: number;
  /** Pauses before the second, third, … try of an idempotent call, milliseconds. */
  retryDelaysMs?: readonly number[];
  /** Largest body of a reply, bytes; a larger one is UPSTREAM_FAILED. */
  maxResponseBytes?: number;
}

/** One call. */
export interface HttpCall {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base address, with a leading slash; values in it are encoded by the caller. */
  path: string;
  /** Query parameters; undefined ones are left out. */
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Whether a second try does no harm. Default: for GET, PUT and DELETE. */
  idempotent?: boolean;
  /** Statuses beside 2xx that are answered instead of thrown. */
  accept?: readonly number[];
  /** Milliseconds for this call with all its tries, where they differ from the client's. */
  timeoutMs?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/** What came back. */
export interface HttpReply {
  status: number;
  /** Parsed JSON; null where the body was empty. */
  body: unknown;
}

const TIMEOUT_MS = 10_000;
/** NFR-REL-03: three more tries, each after twice the pause. */
const RETRY_DELAYS_MS = [1_000, 2_000, 4_000];
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const SAFE_TO_REPEAT = new Set(['GET', 'PUT', 'DELETE']);
/** Too many requests, and "come back later". */
const BUSY = new Set([429, 503]);
/** undici's codes of its own timeouts: https://undici.nodejs.org/#/docs/api/Errors.md */
const TIMEOUT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** A try that failed: whether another may help, and how long the upstream wants us to wait. */
interface Failure {
  error: AppError;
  retryable: boolean;
  retryAfterMs: number | null;
}

/**
 * The way to one upstream: JSON over HTTP with a deadline over all tries, retries of idempotent calls only, a limit on
 * what is read, and no redirects. Errors are UPSTREAM_UNAVAILABLE (not reachable, 429, 503), UPSTREAM_TIMEOUT,
 * UPSTREAM_REFUSED (401, 403) and UPSTREAM_FAILED (anything else), with details {upstream, status}.
 */
export class HttpClient {
  private readonly agent: Agent;
  private readonly baseUrl: string;

  constructor(private readonly options: HttpClientOptions) {
    this.baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.agent = new Agent({
      connect: { minVersion: 'TLSv1.2' },
      maxResponseSize: options.maxResponseBytes ?? MAX_RESPONSE_BYTES,
    });
  }

  async call(call: HttpCall): Promise<HttpReply> {
    const { method = 'GET', timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS } = call;
    const deadline = Date.now() + timeoutMs;
    const delays =
      (call.idempotent ?? SAFE_TO_REPEAT.has(method)) ? (this.options.retryDelaysMs ?? RETRY_DELAYS_MS) : [];
    const signals = [AbortSignal.timeout(timeoutMs), ...(call.signal ? [call.signal] : [])];
    const signal = AbortSignal.any(signals);
    for (let tries = 0; ; tries += 1) {
      const outcome = await this.attempt(call, method, signal);
      if ('status' in outcome) return outcome;
      const delay = outcome.retryAfterMs ?? delays[tries];
      const worthIt = outcome.retryable && tries < delays.length && delay !== undefined;
      // A pause that outlasts the deadline could only turn a clear answer into a timeout.
      if (!worthIt || Date.now() + delay >= deadline) throw outcome.error;
      try {
        await sleep(delay, undefined, { signal });
      } catch {
        throw outcome.error;
      }
    }
  }

  /** Closes its connections; calls in hand are given up. */
  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async attempt(
    call: HttpCall,
    method: HttpCall['method'] & string,
    signal: AbortSignal,
  ): Promise<HttpReply | Failure> {
    try {
      const reply = await send(this.address(call), {
        method,
        dispatcher: this.agent,
        signal,
        headers: {
          accept: 'application/json',
          ...(call.body !== undefined && { 'content-type': 'application/json' }),
          ...this.options.headers,
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      });
      const { statusCode: status } = reply;
      const text = await reply.body.text();
      if ((status >= 200 && status < 300) || call.accept?.includes(status)) return this.parsed(status, text);
      return this.refused(status, readRetryAfter(reply.headers['retry-after'], Date.now()));
    } catch (error) {
      return this.broken(error, signal);
    }
  }

  private address({ path, query = {} }: HttpCall): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    return `${this.baseUrl}${path}${parameters.size > 0 ? `?${parameters.toString()}` : ''}`;
  }

  private parsed(status: number, text: string): HttpReply | Failure {
    if (text === '') return { status, body: null };
    try {
      return { status, body: JSON.parse(text) as unknown };
    } catch {
      const error = this.error('UPSTREAM_FAILED', status, 'reply is not JSON');
      return { error, retryable: true, retryAfterMs: null };
    }
  }

  private refused(status: number, retryAfterMs: number | null): Failure {
    const reason = `status ${String(status)}`;
    if (status === 401 || status === 403) {
      return { error: this.error('UPSTREAM_REFUSED', status, reason), retryable: false, retryAfterMs: null };
    }
    const error = this.error(
      BUSY.has(status) ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_FAILED',
      status,
      reason,
      retryAfterMs,
    );
    return { error, retryable: status === 429 || status >= 500, retryAfterMs };
  }

  private broken(error: unknown, signal: AbortSignal): Failure {
    const { code, name } = error as { code?: unknown; name?: unknown };
    const reason = typeof code === 'string' ? code : String(name);
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      return { error: this.error('UPSTREAM_FAILED', null, 'reply is too large'), retryable: false, retryAfterMs: null };
    }
    if (signal.aborted || TIMEOUT_CODES.has(reason)) {
      return { error: this.error('UPSTREAM_TIMEOUT', null, reason), retryable: false, retryAfterMs: null };
    }
    return { error: this.error('UPSTREAM_UNAVAILABLE', null, reason), retryable: true, retryAfterMs: null };
  }

  /** The cause is a word of ours: what libraries put into their messages may hold addresses and headers. */
  private error(
    code: 'UPSTREAM_FAILED' | 'UPSTREAM_REFUSED' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_UNAVAILABLE',
    status: number | null,
    reason: string,
    retryAfterMs: number | null = null,
  ): AppError {
    const details = {
      upstream: this.options.upstream,
      status,
      ...(retryAfterMs !== null && { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
    };
    return new AppError(code, details, { cause: new Error(reason) });
  }
}

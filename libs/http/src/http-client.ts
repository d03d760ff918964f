import { setTimeout as sleepFor } from 'node:timers/promises';
import { AppError } from '@qa-pms/contracts';
import type { Log, RedisConnection } from '@qa-pms/platform';
import { Pool } from 'undici';
import { ACCEPT_ENCODING, BadAnswer, parseJson, readText } from './body.js';
import { type Failure, Failures, type Outcome } from './failures.js';
import { Guard, NotAllowed, type Resolve } from './guard.js';
import { type CallOutcome, type HttpObserver, SILENT } from './observer.js';
import { Protection } from './protection.js';
import { type Headers, readWait } from './rate-limit-headers.js';
import { RateLimits } from './rate-limits.js';
import { TrySpan } from './try-span.js';
import type { UpstreamSettings } from './upstream.settings.js';

/** How one site of an upstream is reached. */
export interface HttpClientOptions {
  /** Name of the upstream, as errors and metrics give it: `jira`. */
  upstream: string;
  /** Address that every path is appended to; nothing else is ever called. */
  baseUrl: string;
  settings: UpstreamSettings;
  /** Hears what happens, for metrics. */
  observer?: HttpObserver | undefined;
  /** Hears of the circuit breaker's changes. */
  log?: Pick<Log, 'warn'> | undefined;
  /** Keeps the limits of accounts for all instances together. */
  redis?: RedisConnection | null | undefined;
  /** Certificate authorities (PEM) instead of Node's. */
  ca?: string;
  /** Resolves host names; for tests. */
  resolve?: Resolve;
  /** Waits; for tests. Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** One call. */
export interface HttpCall<T> {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base address, with a leading slash; values in it are encoded by the caller. */
  path: string;
  /** Query parameters; undefined ones are left out. */
  query?: Record<string, string | number | boolean | undefined>;
  /** Headers such as `authorization`. They never show in an error, log or span. */
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Whose limit at the upstream the call uses up: name or id of the account. */
  account?: string;
  /** Whether a second try does no harm. Default: for GET, PUT and DELETE, and with an `idempotencyKey`. */
  idempotent?: boolean;
  /** Sent as `Idempotency-Key`, where the upstream knows it. */
  idempotencyKey?: string;
  /** Statuses beside 2xx that `read` understands. */
  accept?: readonly number[];
  /**
   * Takes what is used out of the parsed JSON (null: no body). An AppError that it throws is the call's; anything else
   * means that the answer is bad: UPSTREAM_FAILED.
   */
  read: (body: unknown, status: number) => T;
  /** Milliseconds for this call with all its tries, where they differ from the settings. */
  timeoutMs?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/** A call on its way. */
interface Journey<T> {
  call: HttpCall<T>;
  method: string;
  url: URL;
  /** Epoch milliseconds. */
  deadline: number;
  /** Fires at the deadline or when the caller gives up. */
  signal: AbortSignal;
}

/** Outcomes of a try that was not made. */
const NOT_SENT = new Set<CallOutcome>(['circuit_open', 'overloaded']);
const REPEATABLE = new Set(['GET', 'PUT', 'DELETE']);
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_DUMPED_BYTES = 64 * 1024;
/** A path with one of these would be another path to the server. */
const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/**
 * The way to one site of an upstream: JSON over HTTP with a deadline over all tries, retries of what may be repeated,
 * a limit of calls at once and per second, a circuit breaker, and a guard of what may be connected. Redirects are not
 * followed. Errors: UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_REFUSED (401, 403), UPSTREAM_FAILED,
 * UPSTREAM_NOT_ALLOWED, with details {upstream, status, reason?, retryAfterSeconds?}.
 */
export class HttpClient {
  private readonly base: URL;
  private readonly pool: Pool;
  private readonly guard: Guard;
  private readonly failures: Failures;
  private readonly protection: Protection;
  private readonly limits: RateLimits;
  private readonly observer: HttpObserver;
  private readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;

  constructor(private readonly options: HttpClientOptions) {
    const { upstream, settings, ca } = options;
    const base = URL.parse(options.baseUrl.replace(/\/+$/, ''));
    if (!base || !/^https?:$/.test(base.protocol)) throw new Error(`The address of ${upstream} is not a web address.`);
    this.base = base;
    this.observer = options.observer ?? SILENT;
    this.sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
    this.guard = new Guard(settings, options.resolve);
    this.failures = new Failures(upstream);
    this.limits = new RateLimits(`${upstream} ${base.host}`, settings, options.redis ?? null);
    const names = { upstream, server: this.base.host };
    this.protection = new Protection(names, settings, this.failures, this.observer, options.log);
    const tls = { minVersion: 'TLSv1.2' as const, timeout: settings.connectTimeoutMs, ...(ca !== undefined && { ca }) };
    this.pool = new Pool(this.base.origin, {
      // As many as the bulkhead lets calls through.
      connections: null,
      maxHeaderSize: MAX_HEADER_BYTES,
      allowH2: false,
      // The deadline ends a try that stalls, and the abort its connection.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: this.guard.connector({ ...tls, allowH2: false }, this.base.protocol),
    });
  }

  /** Answers what `read` makes of the reply. */
  async call<T>(call: HttpCall<T>): Promise<T> {
    const started = performance.now();
    const result = await this.journey(call);
    const outcome: CallOutcome = 'value' in result ? 'ok' : result.outcome;
    const durationSeconds = (performance.now() - started) / 1000;
    this.observer.callEnded({ upstream: this.options.upstream, outcome, durationSeconds });
    if ('value' in result) return result.value;
    throw result.error;
  }

  /** Closes its connections; calls in hand are given up. */
  close(): Promise<void> {
    return this.pool.destroy();
  }

  private async journey<T>(call: HttpCall<T>): Promise<Outcome<T>> {
    const { upstream, settings } = this.options;
    const { method = 'GET' } = call;
    const timeoutMs = Math.max(0, Math.ceil(call.timeoutMs ?? settings.timeoutMs));
    const signals = [AbortSignal.timeout(timeoutMs), ...(call.signal ? [call.signal] : [])];
    let url: URL;
    try {
      url = this.address(call);
    } catch (error) {
      return this.failures.ofFault(error, null);
    }
    const journey = { call, method, url, deadline: Date.now() + timeoutMs, signal: AbortSignal.any(signals) };
    const repeatable = call.idempotent ?? (REPEATABLE.has(method) || call.idempotencyKey !== undefined);
    const retries = repeatable ? settings.retries : 0;
    let last: Failure | null = null;
    for (let tries = 0; ; tries += 1) {
      const result = await this.attempt(journey, tries);
      // Where no further try was made, what the upstream did says more than why.
      if (last && !('value' in result) && NOT_SENT.has(result.outcome)) return last;
      if ('value' in result || !result.retryable || tries >= retries) return result;
      last = result;
      // Spread, so that those who failed together do not come back together; never sooner than the upstream wants.
      const ownMs = settings.retryDelayMs * 2 ** tries * (0.8 + 0.4 * Math.random());
      const waitMs = Math.max(ownMs, (result.waitMs ?? 0) * (1 + 0.1 * Math.random()));
      // A pause that outlasts the deadline could only turn a clear answer into a timeout.
      if (Date.now() + waitMs >= journey.deadline || !(await this.paused(waitMs, journey))) return result;
      this.observer.retried({ upstream, outcome: result.outcome });
    }
  }

  /** One try, once the limits let it start. */
  private async attempt<T>(journey: Journey<T>, tries: number): Promise<Outcome<T>> {
    const { signal } = journey;
    const refused = this.protection.refusal() ?? (await this.admitted(journey));
    if (refused) return refused;
    return this.protection.run(
      () => this.send(journey, tries),
      signal,
      () => this.late(journey),
    );
  }

  /** Waits for the rate limit of the account; a failure where it leaves no time. */
  private async admitted(journey: Journey<unknown>): Promise<Failure | null> {
    const { deadline, call } = journey;
    if (Date.now() >= deadline) return this.late(journey);
    const { upstream } = this.options;
    const { account = '' } = call;
    const { waitMs, taken, isHeld } = await this.limits.take(account, deadline);
    if (waitMs > 0) this.observer.rateLimited({ upstream, by: isHeld ? 'upstream' : 'client' });
    if (!taken) return this.failures.rateLimited(waitMs);
    // What others learn from the upstream meanwhile prolongs the wait.
    for (let left = waitMs; left > 0; left = await this.limits.heldMs(account)) {
      if (Date.now() + left > deadline) return this.failures.rateLimited(left);
      if (!(await this.paused(Math.ceil(left), journey))) return this.late(journey);
    }
    return null;
  }

  private async send<T>(journey: Journey<T>, tries: number): Promise<Outcome<T>> {
    const { call, method, url, signal } = journey;
    const { settings } = this.options;
    const span = new TrySpan(method, url, tries);
    let status: number | null = null;
    let result: Outcome<T>;
    try {
      const reply = await this.pool.request({
        method,
        path: `${url.pathname}${url.search}`,
        signal,
        headers: {
          accept: 'application/json',
          'accept-encoding': ACCEPT_ENCODING,
          'user-agent': 'qa-pms',
          ...(call.body !== undefined && { 'content-type': 'application/json' }),
          ...(call.idempotencyKey !== undefined && { 'idempotency-key': call.idempotencyKey }),
          ...(settings.propagateTrace && span.headers()),
          ...call.headers,
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      });
      status = reply.statusCode;
      const waitMs = await this.obeyed(call.account, status, reply.headers);
      if (isTaken(call, status)) {
        const sent = status === 204 ? { 'content-length': '0' } : reply.headers;
        const text = await readText(reply.body, sent, settings.maxResponseBytes);
        result = { value: readAnswer(call, text, status) };
      } else {
        // What an error's body says is of no use here; a short one is taken so that the connection can be kept.
        await reply.body.dump({ limit: MAX_DUMPED_BYTES, signal }).catch(() => undefined);
        result = this.failures.ofStatus(status, waitMs);
      }
    } catch (fault) {
      if (fault instanceof AppError)
        result = { error: fault, outcome: 'ok', retryable: false, isFault: false, waitMs: null };
      else result = signal.aborted ? this.late(journey) : this.failures.ofFault(fault, status);
    }
    span.end(status, 'value' in result || result.outcome === 'ok' ? null : result.outcome);
    return result;
  }

  /** Notes what an answer says of the account's limit; answers the wait of one that is refused for it. */
  private async obeyed(account = '', status: number, headers: Headers): Promise<number | null> {
    const { upstream, settings } = this.options;
    const busy = status === 429 || status === 503;
    // Moments are told by the upstream's clock, which may differ from ours.
    const clock = Date.parse(String(headers['date']));
    const told = readWait(headers, Number.isNaN(clock) ? Date.now() : clock, status);
    const waitMs = told ?? (status === 429 ? settings.rateLimitedWaitSeconds * 1000 : null);
    if (status === 429) this.observer.rateLimited({ upstream, by: 'upstream' });
    if (waitMs !== null) await this.limits.hold(account, waitMs);
    return busy ? waitMs : null;
  }

  /** Throws NotAllowed where the call would leave the base address, or that may not be called. */
  private address({ path, query = {} }: HttpCall<unknown>): URL {
    const [pathname = ''] = path.split('?', 1);
    if (!path.startsWith('/') || DOT_SEGMENT.test(pathname)) throw new NotAllowed('the path leaves its base address');
    const url = new URL(`${this.base.href.replace(/\/$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    this.guard.checkUrl(url);
    return url;
  }

  /** Whether the pause came to its end. */
  private paused(ms: number, { signal }: Journey<unknown>): Promise<boolean> {
    return this.sleep(ms, signal).then(
      () => true,
      () => false,
    );
  }

  private late({ call }: Journey<unknown>): Failure {
    return this.failures.late(call.signal?.aborted === true);
  }
}

function isTaken({ accept }: HttpCall<unknown>, status: number): boolean {
  return (status >= 200 && status < 300) || accept?.includes(status) === true;
}

function readAnswer<T>({ read }: HttpCall<T>, text: string, status: number): T {
  const body = parseJson(text);
  try {
    return read(body, status);
  } catch (error) {
    if (error instanceof AppError || error instanceof BadAnswer) throw error;
    throw new BadAnswer('its answer does not have the form that its documentation promises');
  }
}

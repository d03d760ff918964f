import { Setting, type SettingsClass } from '@qa-pms/platform';
import { allowedHostProblem, privateHostProblem } from './guard.js';

/** How one upstream is called: what an operator may change. */
export interface UpstreamSettings {
  /** Milliseconds for a call with all its tries and pauses, unless the call says another. */
  timeoutMs: number;
  /** Milliseconds to connect, with name resolution and TLS. */
  connectTimeoutMs: number;
  /** Further tries of a call that may be repeated. */
  retries: number;
  /** Milliseconds before the second try; twice as long before each further one (NFR-REL-03: 1 s, 2 s, 4 s). */
  retryDelayMs: number;
  /** Seconds to wait after a 429 that does not say how long. */
  rateLimitedWaitSeconds: number;
  /** Calls, and so connections, at once. */
  concurrency: number;
  /** Calls that may wait for one of those; more are refused at once. */
  queue: number;
  /** Calls a second for each account, in the long run; 0: no limit of ours. */
  ratePerSecond: number;
  /** Calls of an account that may start at once after a rest. */
  rateBurst: number;
  /** Last tries that the circuit breaker looks at. */
  breakerWindow: number;
  /** Tries before it opens for the first time. */
  breakerMinCalls: number;
  /** It opens when more than this share of them failed, percent. */
  breakerFailurePercent: number;
  /** Milliseconds until it lets one call try again. */
  breakerOpenMs: number;
  /** Largest body of an answer, bytes, sent and decompressed. */
  maxResponseBytes: number;
  /** Hosts that may be called, `*.example.com` for all below; none: any. */
  allowedHosts: string[];
  /** Names, addresses or CIDR ranges inside (private, loopback, …) that may be called, also without TLS. */
  privateHosts: string[];
  /** Whether the upstream gets our trace context (W3C traceparent). */
  propagateTrace: boolean;
}

/**
 * A settings class for one upstream: keys `<prefix>.timeout_ms` and so on, defaults as here unless given. Extend it
 * (`class JiraHttpSettings extends upstreamSettings('jira.http') {}`) and add it to the service's settings.
 */
export function upstreamSettings(
  prefix: string,
  defaults: Partial<UpstreamSettings> = {},
): SettingsClass<UpstreamSettings> {
  const key = (name: string): string => `${prefix}.${name}`;

  class Settings implements UpstreamSettings {
    @Setting({
      key: key('timeout_ms'),
      description: 'Milliseconds for a call with all its tries and pauses, where the call has no deadline of its own.',
      example: '10000',
      min: 1,
      reloadable: true,
    })
    timeoutMs = 10_000;

    @Setting({
      key: key('connect_timeout_ms'),
      description: 'Milliseconds to connect, with name resolution and TLS.',
      example: '3000',
      min: 1,
    })
    connectTimeoutMs = 3_000;

    @Setting({
      key: key('retries'),
      description: 'Further tries of a call that may be repeated.',
      example: '3',
      reloadable: true,
    })
    retries = 3;

    @Setting({
      key: key('retry_delay_ms'),
      description: 'Milliseconds before the second try; twice as long before each further one.',
      example: '1000',
      reloadable: true,
    })
    retryDelayMs = 1_000;

    @Setting({
      key: key('rate_limited_wait_seconds'),
      description: 'Seconds to wait after an answer 429 that does not say how long.',
      example: '60',
      reloadable: true,
    })
    rateLimitedWaitSeconds = 1;

    @Setting({
      key: key('concurrency'),
      description: 'Calls, and so connections, at once to one site.',
      example: '10',
      min: 1,
      reloadable: true,
    })
    concurrency = 10;

    @Setting({
      key: key('queue'),
      description: 'Calls that may wait for a free connection; more are refused at once.',
      example: '100',
      reloadable: true,
    })
    queue = 100;

    @Setting({
      key: key('rate_per_second'),
      description:
        'Calls a second for each account, in the long run: of all instances together with redis.url, else of each; 0: no limit of ours.',
      example: '5',
      reloadable: true,
    })
    ratePerSecond = 20;

    @Setting({
      key: key('rate_burst'),
      description: 'Calls of an account that may start at once after a rest.',
      example: '20',
      min: 1,
      reloadable: true,
    })
    rateBurst = 20;

    @Setting({
      key: key('breaker_window'),
      description: 'Last tries that the circuit breaker looks at.',
      example: '20',
      min: 1,
    })
    breakerWindow = 20;

    @Setting({
      key: key('breaker_min_calls'),
      description: 'Tries before the circuit breaker opens for the first time.',
      example: '5',
      min: 1,
    })
    breakerMinCalls = 5;

    @Setting({
      key: key('breaker_failure_percent'),
      description: 'The circuit breaker opens when more than this share of the tries failed, 1 to 99 percent.',
      example: '50',
      min: 1,
    })
    breakerFailurePercent = 50;

    @Setting({
      key: key('breaker_open_ms'),
      description: 'Milliseconds until an open circuit breaker lets one call try again.',
      example: '10000',
      min: 1,
    })
    breakerOpenMs = 10_000;

    @Setting({
      key: key('max_response_bytes'),
      description: 'Largest body of an answer, bytes, as sent and after decompression.',
      example: '16777216',
      min: 1,
      reloadable: true,
    })
    maxResponseBytes = 16 * 1024 * 1024;

    @Setting({
      key: key('allowed_hosts'),
      description: 'Hosts that may be called, *.example.com for all below one; none: any public host.',
      example: '["*.atlassian.net", api.atlassian.com]',
      check: allowedHostProblem,
    })
    allowedHosts: string[] = [];

    @Setting({
      key: key('private_hosts'),
      description:
        'Host names, addresses or CIDR ranges of private networks and this machine that may be called; only those may do without TLS.',
      example: '[jira.intern.example.com, 10.0.0.0/8]',
      check: privateHostProblem,
    })
    privateHosts: string[] = [];

    @Setting({
      key: key('propagate_trace'),
      description: 'Whether the trace context (W3C traceparent) is sent along; only for systems of your own.',
      example: 'false',
    })
    propagateTrace = false;

    constructor() {
      Object.assign(this, defaults);
    }
  }
  return Settings;
}

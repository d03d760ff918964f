/** Headers of an answer, names in lower case. */
export type Headers = Record<string, string | string[] | undefined>;

/** Waits in seconds, under the names that are in use. Postman sends the last two (learning.postman.com, rate limits). */
const RETRY_AFTER = ['retry-after', 'retryafter', 'x-ratelimit-retryafter'];
/** Before `RateLimit`, `RateLimit-Remaining` and `RateLimit-Reset`; Jira Cloud has been seen with all four. */
const PREFIXES = ['', 'x-', 'beta-', 'x-beta-'];

/** A limit of the upstream, as its headers tell it. */
interface Limit {
  remaining: number | null;
  resetMs: number;
}

/**
 * Milliseconds that an answer asks us to wait before the next call; null where it does not say. Read are `Retry-After`
 * of 429 and 503 (seconds or a date, RFC 9110 10.2.3) and, where a limit is used up or the status is 429, the reset of
 * `RateLimit`, `RateLimit-Reset` (IETF drafts) and `X-RateLimit-Reset` in every form of our upstreams: seconds from
 * now, epoch seconds or milliseconds, an ISO time (Jira).
 */
export function readWait(headers: Headers, now: number, status: number): number | null {
  if (status === 429 || status === 503) {
    for (const name of RETRY_AFTER) {
      const waitMs = momentMs(first(headers[name]), now);
      if (waitMs !== null) return waitMs;
    }
  }
  const limits = PREFIXES.flatMap((prefix) => [...listed(headers, prefix), ...spread(headers, prefix, now)]);
  const usedUp = limits.filter(({ remaining }) => remaining !== null && remaining <= 0);
  if (usedUp.length > 0) return Math.max(...usedUp.map(({ resetMs }) => resetMs));
  return status === 429 && limits.length > 0 ? Math.min(...limits.map(({ resetMs }) => resetMs)) : null;
}

/** `RateLimit: "burst";r=0;t=5, "hour";r=7;t=60` (drafts from 07 on), or `limit=300, remaining=0, reset=12` (to 06). */
function listed(headers: Headers, prefix: string): Limit[] {
  const value = first(headers[`${prefix}ratelimit`]) ?? '';
  const remaining = parameter(value, 'remaining');
  const reset = parameter(value, 'reset');
  if (reset !== null) return [{ remaining, resetMs: reset * 1000 }];
  return value.split(',').flatMap((item) => {
    const seconds = parameter(item, 't');
    return seconds === null ? [] : { remaining: parameter(item, 'r'), resetMs: seconds * 1000 };
  });
}

/** `RateLimit-Remaining` with `RateLimit-Reset`. */
function spread(headers: Headers, prefix: string, now: number): Limit[] {
  const remaining = first(headers[`${prefix}ratelimit-remaining`])?.trim();
  const resetMs = momentMs(first(headers[`${prefix}ratelimit-reset`]), now);
  if (resetMs === null) return [];
  return [{ remaining: remaining && /^-?\d+$/.test(remaining) ? Number(remaining) : null, resetMs }];
}

function parameter(value: string, name: string): number | null {
  const found = new RegExp(`(?:^|[;,\\s])${name}\\s*=\\s*(\\d+)`).exec(value);
  return found ? Number(found[1]) : null;
}

/** Milliseconds from now. Numbers are told apart by size: seconds from now, seconds or milliseconds since 1970. */
function momentMs(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (number < 1e9) return number * 1000;
    return Math.max(0, (number < 1e11 ? number * 1000 : number) - now);
  }
  // An HTTP date begins with a day's name, an ISO time with a year; Date.parse takes more than that.
  if (!/^([A-Z][a-z]{2,8}[, ]|\d{4}-\d{2}-\d{2}T)/.test(text)) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

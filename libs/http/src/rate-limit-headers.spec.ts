import { describe, expect, it } from '@jest/globals';
import { type Headers, readWait } from './rate-limit-headers.js';

const NOW = Date.parse('2026-01-17T12:00:00Z');
const SECONDS = NOW / 1000;

describe('readWait', () => {
  it.each<[string, Headers, number | null]>([
    ['Retry-After in seconds', { 'retry-after': '3' }, 3_000],
    ['Retry-After in parts of seconds', { 'retry-after': ' 0.5 ' }, 500],
    ['Retry-After as a date', { 'retry-after': 'Sat, 17 Jan 2026 12:00:05 GMT' }, 5_000],
    ['Retry-After as a date in the form of RFC 850', { 'retry-after': 'Saturday, 17-Jan-26 12:00:05 GMT' }, 5_000],
    ['Retry-After as a date that has passed', { 'retry-after': 'Sat, 17 Jan 2026 11:00:00 GMT' }, 0],
    ["Postman's RetryAfter", { retryafter: '7' }, 7_000],
    ["Postman's X-RateLimit-RetryAfter", { 'x-ratelimit-retryafter': '8' }, 8_000],
    ["Postman's RateLimit", { ratelimit: 'limit=300, remaining=0, reset=12' }, 12_000],
    ['RateLimit as a structured field', { ratelimit: '"default";r=0;t=30' }, 30_000],
    [
      'the longest of limits that are used up',
      { ratelimit: '"burst";r=0;t=5, "hour";r=0;t=90, "day";r=7;t=900' },
      90_000,
    ],
    ["Jira's Beta-RateLimit", { 'beta-ratelimit': '"tenant-app-quota";r=0;t=2788' }, 2_788_000],
    ["Jira's X-RateLimit-Reset", { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2026-01-17T12:01Z' }, 60_000],
    ["Jira's X-Beta-RateLimit-Reset", { 'x-beta-ratelimit-reset': '2026-01-17T12:00:30Z' }, 30_000],
    ['X-RateLimit-Reset in epoch seconds', { 'x-ratelimit-reset': String(SECONDS + 9) }, 9_000],
    ['X-RateLimit-Reset in epoch milliseconds', { 'x-ratelimit-reset': String(NOW + 9_500) }, 9_500],
    ['RateLimit-Reset in seconds from now', { 'ratelimit-remaining': '0', 'ratelimit-reset': '20' }, 20_000],
    [
      'Retry-After before all others',
      { 'retry-after': '1', ratelimit: '"a";r=0;t=30', 'x-ratelimit-reset': '40' },
      1_000,
    ],
    [
      'the limit that is used up before others',
      { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '9', ratelimit: '"a";r=0;t=2' },
      2_000,
    ],
    ['nothing', {}, null],
    ['what cannot be read', { 'retry-after': 'soon', 'x-ratelimit-reset': 'tomorrow', ratelimit: '"a";r=;t=x' }, null],
    ['a reset without a moment', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '' }, null],
  ])('reads %s of a 429', (_what, headers, expected) => {
    expect(readWait(headers, NOW, 429)).toBe(expected);
  });

  it('heeds Retry-After of a 503, and no limit that is not used up', () => {
    const headers = { 'x-ratelimit-remaining': '99', 'x-ratelimit-reset': '60' };

    expect(readWait({ ...headers, 'retry-after': '2' }, NOW, 503)).toBe(2_000);
    expect(readWait(headers, NOW, 503)).toBeNull();
  });

  it.each<[string, Headers, number | null]>([
    ['waits where a limit is used up', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4' }, 4_000],
    ['does not wait while some is left', { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '4' }, null],
    ['does not wait for a reset alone', { 'x-ratelimit-reset': '4' }, null],
    ["does not heed Jira Data Center's Retry-After of an answer that it gave", { 'retry-after': '4' }, null],
  ])('of a good answer %s', (_what, headers, expected) => {
    expect(readWait(headers, NOW, 200)).toBe(expected);
  });
});

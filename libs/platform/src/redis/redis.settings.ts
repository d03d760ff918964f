import { type CheckedSettings, type ReportProblem, Setting } from '../configuration/setting.js';
import { checkTls, TlsSettings } from '../tls.js';

/** Settings of the way to Redis. */
export class RedisSettings extends TlsSettings('redis', 'Redis') implements CheckedSettings {
  /** Address of Redis; empty: every instance keeps its limits for itself. */
  @Setting({
    key: 'redis.url',
    description:
      'Address of Redis (6 or newer) with user, password and number of the database; none: every instance keeps the limits of upstream accounts for itself. The user needs EVAL, GET, SET, PTTL, TIME, PING, INFO, SELECT and CLIENT, and the keys of redis.key_prefix.',
    example: 'redis://qa-pms:secret@redis:6379/0',
    secret: true,
    optional: true,
    check: redisUrlProblem,
  })
  url = '';

  /** Put before every key: several installations can share a Redis. */
  @Setting({
    key: 'redis.key_prefix',
    description: 'Put before every key, for a Redis that several installations share.',
    example: 'staging:',
  })
  keyPrefix = 'qa-pms:';

  check(report: ReportProblem): void {
    checkTls('redis', this, report);
  }
}

/** What an address of Redis says. */
export function redisAddress(address: string): {
  host: string;
  port: number;
  username: string;
  password: string;
  db: number;
} {
  const url = new URL(address);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    db: Number(url.pathname.slice(1)),
  };
}

function redisUrlProblem(value: string): string | null {
  const url = URL.parse(value);
  if (!url) return 'is no address';
  if (url.protocol === 'rediss:') return 'begins with rediss://: write redis://, and say encryption by redis.tls.mode';
  if (url.protocol !== 'redis:') return 'does not begin with redis://';
  if (url.hostname === '') return 'names no host';
  if (!/^\/?\d*$/.test(url.pathname)) return 'ends with something else than the number of a database';
  if (url.search !== '' || url.hash !== '') return 'holds options: say them by redis.tls.mode and its neighbours';
  try {
    redisAddress(value);
  } catch {
    return 'holds a % that begins no code: write %25 for it';
  }
  return null;
}

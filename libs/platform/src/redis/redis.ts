import { once } from 'node:events';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type * as Ioredis from 'ioredis';
import type { Redis } from 'ioredis';
import type { Log } from '../log.js';
import { gauge } from '../telemetry/metrics.js';
import { inSpan, SpanKind, startSpan } from '../telemetry/spans.js';
import { settingName, textOf, tlsOptions, tlsProblem } from '../tls.js';
import { redisAddress, type RedisSettings } from './redis.settings.js';

/** Nobody waits longer: whoever uses Redis can do without. */
const COMMAND_MS = 250;
const CONNECT_MS = 2_000;
/** At most this long between two tries to reach it; after as long a silence it counts as gone. */
const RETRY_MS = 1_000;
/** A replica that stays one is not connected to again sooner. */
const FAILOVER_MS = 5_000;

const connections = new Map<string, RedisConnection>();
gauge('redis_up', 'Whether the process reaches Redis: 1, else 0.', [], (told) => {
  for (const [service, connection] of connections) told.set({ service }, connection.notReady() === null ? 1 : 0);
});

/**
 * The process's connection to Redis. Nothing of ours needs it: while it is gone, commands fail at once, and whoever
 * sent them does without.
 */
export class RedisConnection {
  private readonly client: Redis;
  private fault: unknown = null;
  private wasReady = false;
  /** Since it was last ready: a single one may be our own event loop's fault while it starts. */
  private failures = 0;
  private closed = false;
  private failedOverAt = 0;
  /** What it last said instead of doing what was asked; null once it has done something since. */
  private refusal: string | null = null;

  /** `process`: name of ours for metrics and for Redis's own list of clients. */
  constructor(
    private readonly settings: RedisSettings,
    private readonly process: string,
    private readonly log: Pick<Log, 'info' | 'warn'>,
  ) {
    const { username, password, ...address } = redisAddress(settings.url);
    const tls = redisTls(settings);
    // Loaded only where Redis is configured: 2 MB of heap.
    const ioredis = createRequire(import.meta.url)('ioredis') as typeof Ioredis;
    this.client = new ioredis.Redis({
      ...address,
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      ...(tls && { tls }),
      keyPrefix: settings.keyPrefix,
      connectionName: `qa-pms-${process}`,
      connectTimeout: CONNECT_MS,
      commandTimeout: COMMAND_MS,
      socketTimeout: RETRY_MS,
      disconnectTimeout: 100,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // After a failover an address may still lead to the one that is a replica by now.
      reconnectOnError: ({ message }) => message.includes('READONLY') && this.mayFailOver(),
      retryStrategy: (times) => Math.min(100 * times, RETRY_MS),
    });
    this.client.on('ready', () => {
      this.wasReady = true;
      this.fault = null;
      if (this.failures > 1) this.log.info({}, 'Redis answers again');
      this.failures = 0;
    });
    this.client.on('error', (error) => {
      this.fault = error;
    });
    this.client.on('close', () => {
      this.failed();
    });
    // ioredis gives up where connecting throws, as with a certificate that OpenSSL does not take.
    this.client.on('end', () => {
      if (this.closed) return;
      this.failed();
      setTimeout(() => {
        if (!this.closed) void this.client.connect().catch(() => undefined);
      }, RETRY_MS).unref();
    });
    connections.set(process, this);
  }

  /** Why it cannot be used now; null while it can. */
  notReady(): string | null {
    if (this.client.status === 'ready') return null;
    return this.fault === null && !this.wasReady ? 'not connected yet' : this.explain(this.fault);
  }

  /**
   * What a question learns, `name` being its command; null where Redis does not answer it. Keys get the prefix of the
   * settings.
   */
  async ask<T>(name: string, question: (redis: Redis) => Promise<T>): Promise<T | null> {
    if (this.notReady() !== null) return null;
    const { host, port } = this.client.options;
    // https://opentelemetry.io/docs/specs/semconv/database/redis/
    const span = startSpan(name, SpanKind.CLIENT, () => ({
      'db.system.name': 'redis',
      'db.operation.name': name,
      'server.address': String(host),
      'server.port': Number(port),
    }));
    try {
      const answer = await inSpan(span, () => question(this.client));
      this.refusal = null;
      return answer;
    } catch (error) {
      const reason = this.explain(error);
      // Once for each kind: whoever asks does so again and again.
      if (reason !== this.refusal) this.log.warn({ command: name, reason }, 'Redis did not do what it was asked');
      this.refusal = reason;
      return null;
    }
  }

  /** Asks for a sign of life. Rejects with why there is none. */
  async ping(): Promise<void> {
    const missing = this.notReady();
    if (missing !== null) throw new Error(missing);
    await this.client.ping();
  }

  /** Its version, once it lets us in, which is waited for this long. Rejects with why it does not. */
  async version(patienceMs: number): Promise<string> {
    try {
      if (this.notReady() !== null) await once(this.client, 'ready', { signal: AbortSignal.timeout(patienceMs) });
      const info = await this.client.info('server');
      return /redis_version:(\S+)/.exec(info)?.[1] ?? 'of a version that it does not tell';
    } catch (error) {
      // Without its cause: ioredis's errors carry the command, and so the password.
      return Promise.reject(new Error(this.explain(this.fault ?? error)));
    }
  }

  /** The next connection uses the certificates that the settings hold by now. */
  renewTls(): void {
    const tls = redisTls(this.settings);
    if (tls) this.client.options.tls = tls;
  }

  close(): void {
    this.closed = true;
    connections.delete(this.process);
    this.client.disconnect();
  }

  /** Told once for each time that it is gone: it is tried every second. */
  private failed(): void {
    if (this.closed) return;
    this.failures += 1;
    if (this.failures === 2) this.log.warn({ reason: this.explain(this.fault) }, 'Redis is not reached');
  }

  private mayFailOver(): boolean {
    const now = Date.now();
    if (now - this.failedOverAt < FAILOVER_MS) return false;
    this.failedOverAt = now;
    return true;
  }

  private explain(error: unknown): string {
    return explainRedis(error, this.settings);
  }
}

/** With the server's name for those that have several; ioredis does not tell it by itself. */
function redisTls(settings: RedisSettings): ConnectionOptions | null {
  const tls = tlsOptions(settings);
  const { host } = redisAddress(settings.url);
  return tls && { ...(isIP(host) === 0 && { servername: host }), ...tls };
}

/** What a failed connection to Redis says, with what to do about it; null: it ended without a word. */
export function explainRedis(error: unknown, { url, tlsMode }: RedisSettings): string {
  const { host, port } = redisAddress(url);
  const server = `Redis at ${host}:${String(port)}`;
  const said = textOf(error);
  if (error === null) return `${server} has closed the connection`;
  const problem = tlsProblem(error, 'redis');
  if (problem !== null) return `${server} ${problem}`;
  // Redis's own words: https://redis.io/docs/latest/commands/auth/
  if (/WRONGPASS|NOAUTH|invalid password|without any password configured/i.test(said)) {
    return `${server} does not accept our name and password: look at those in ${settingName('redis.url')}`;
  }
  if (/NOPERM/.test(said)) return `${server} does not allow our user what we need: ${line(said)}`;
  if (/ECONNRESET|socket disconnected|Protocol error|closed/i.test(said)) {
    // TLS 1.3 tells a client after its handshake that its certificate is refused, which the end may overtake.
    const also = tlsMode === 'disable' ? '' : `, and at ${settingName('redis.tls.certificate')} where it asks for one`;
    return `${server} closes the connection: look at ${settingName('redis.tls.mode')}${also}`;
  }
  if ((error as Error).name === 'ReplyError') return `${server} refuses: ${line(said)}`;
  if (/Command timed out|Socket timeout/.test(said)) return `${server} does not answer`;
  return `${server} cannot be reached: ${line(said)}`;
}

function line(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:tls';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import {
  Configuration,
  createRootLogger,
  createRuntime,
  logFor,
  RedisConnection,
  RedisSettings,
  type Runtime,
} from '@qa-pms/platform';
import { startRedis, type TestRedis, type TestRedisOptions } from '@qa-pms/testing';
import { makeAuthority, type TestAuthority } from '@qa-pms/testing/certificates';
import { describeWithRedis } from '@qa-pms/testing/jest';
import { register } from 'prom-client';

const ACCOUNT = { username: 'qa-pms', password: 'p:@/ %&' };
const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'redis');

/** Resolves once it holds; the test's own limit ends it. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}

await describeWithRedis('Redis', () => {
  let authority: TestAuthority;
  let other: TestAuthority;
  let redis: TestRedis;
  const open: { close: () => unknown }[] = [];

  beforeAll(async () => {
    authority = await makeAuthority('Redis CA');
    other = await makeAuthority('another CA');
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await redis.stop();
  });

  async function start(options: TestRedisOptions = {}): Promise<void> {
    redis = await startRedis(options);
  }

  const tls = async (): Promise<TestRedisOptions> => ({ tls: await authority.issue({ hosts: ['localhost'] }) });
  const byName = (): string => redis.url.replace('127.0.0.1', 'localhost');

  function connect(more: Record<string, string> = {}): RedisConnection {
    const settings = Configuration.fromEnvironment({ REDIS_URL: redis.url, ...more }).read(RedisSettings);
    const connection = new RedisConnection(settings, 'test', log);
    open.push(connection);
    return connection;
  }

  /** What it says of itself: its version, or why there is none. */
  async function answer(more: Record<string, string> = {}): Promise<string> {
    return connect(more)
      .version(5_000)
      .catch((error: unknown) => (error as Error).message);
  }

  it('is signed in to with a name and a password', async () => {
    await start({ account: ACCOUNT });

    const [right, wrong, none] = [
      await answer(),
      await answer({ REDIS_URL: redis.url.replace('qa-pms', 'somebody') }),
      await answer({ REDIS_URL: `redis://127.0.0.1:${String(redis.port)}` }),
    ];

    expect(right).toMatch(/^\d+\.\d+/);
    for (const refused of [wrong, none]) expect(refused).toContain('does not accept our name and password');
    expect(wrong).toContain('redis.url (REDIS_URL)');
    expect(wrong).not.toContain(ACCOUNT.password);
  });

  it('is reached over TLS, and believed only with the right certificate', async () => {
    await start({ ...(await tls()), account: ACCOUNT });
    const full = { REDIS_TLS_MODE: 'verify-full', REDIS_URL: byName() };

    expect(await answer({ ...full, REDIS_TLS_CA: authority.ca })).toMatch(/^\d+\.\d+/);
    expect(await answer({ ...full, REDIS_TLS_CA: other.ca })).toContain('of a CA that is not trusted');
    expect(await answer(full)).toContain('of a CA that is not trusted');
    expect(await answer({ ...full, REDIS_TLS_CA: authority.ca, REDIS_URL: redis.url })).toContain('for another host');
    const byAuthority = { REDIS_TLS_MODE: 'verify-ca', REDIS_TLS_CA: authority.ca };
    expect(await answer(byAuthority)).toMatch(/^\d+\.\d+/);
    expect(await answer({ REDIS_TLS_MODE: 'require' })).toMatch(/^\d+\.\d+/);
    expect(await answer()).toContain('redis.tls.mode (REDIS_TLS_MODE)');
  });

  it('asks for our certificate, and a reload gives it another one', async () => {
    const { tls: own } = await tls();
    await start({ tls: { ...own!, clients: authority.ca } });
    const [ours, foreign] = [await authority.issue({ name: 'qa-pms' }), await other.issue({ name: 'qa-pms' })];
    const settings = Configuration.fromEnvironment({
      REDIS_URL: byName(),
      REDIS_TLS_MODE: 'verify-full',
      REDIS_TLS_CA: authority.ca,
      REDIS_TLS_CERTIFICATE: foreign.cert,
      REDIS_TLS_KEY: foreign.key,
    }).read(RedisSettings);
    const connection = new RedisConnection(settings, 'test', log);
    open.push(connection);
    const refused = await connection.version(5_000).catch((error: unknown) => (error as Error).message);

    Object.assign(settings, { tlsCertificate: ours.cert, tlsKey: ours.key });
    connection.renewTls();
    await until(() => connection.notReady() === null);

    expect(refused).toContain('redis.tls.certificate (REDIS_TLS_CERTIFICATE)');
    await expect(connection.ping()).resolves.toBeUndefined();
  });

  it('is called by its name, and found again after a certificate that cannot be used at all', async () => {
    const { tls: own } = await tls();
    await start({ tls: { ...own!, clients: authority.ca } });
    const ours = await authority.issue({ name: 'qa-pms' });
    const names: (string | false | null)[] = [];
    const door = createServer({ ...own! }, (socket) => {
      names.push(socket.servername);
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(door, 'listening');
    const settings = Configuration.fromEnvironment({
      REDIS_URL: `redis://localhost:${String((door.address() as AddressInfo).port)}`,
      REDIS_TLS_MODE: 'verify-full',
      REDIS_TLS_CA: authority.ca,
      REDIS_TLS_CERTIFICATE: ours.cert,
      REDIS_TLS_KEY: ours.key,
    }).read(RedisSettings);
    open.push(new RedisConnection(settings, 'door', log));
    await until(() => names.length > 0);
    door.close();
    const certificate = settings.tlsCertificate;
    const connection = new RedisConnection(Object.assign(settings, { url: byName() }), 'test', log);
    open.push(connection);
    await until(() => connection.notReady() === null);

    Object.assign(settings, { tlsCertificate: 'none' });
    connection.renewTls();
    await redis.kill();
    await redis.restart();
    await until(() => /PEM|pem|no start line/.test(connection.notReady() ?? ''));
    Object.assign(settings, { tlsCertificate: certificate });
    connection.renewTls();
    await until(() => connection.notReady() === null);

    expect(names[0]).toBe('localhost');
  });

  it('is left for its successor when it has become a replica, and not again and again', async () => {
    await start();
    const connection = connect();
    await until(() => connection.notReady() === null);
    /** Null while it connects again. */
    const answered = async (): Promise<string> => {
      for (;;) {
        const info = await connection.ask('INFO', (client) => client.info('stats'));
        if (info !== null) return info;
        await sleep(20);
      }
    };
    const count = async (): Promise<number> => Number(/total_connections_received:(\d+)/.exec(await answered())?.[1]);
    const before = await count();
    await connection.ask('REPLICAOF', (client) => client.call('REPLICAOF', '127.0.0.1', '9'));

    for (let tries = 0; tries < 20; tries += 1) {
      await connection.ask('SET', (client) => client.set('key', '1'));
      await sleep(20);
      await answered();
    }
    const after = await count();

    // Once in 5 s, which a busy machine may take several times for this.
    expect(after - before).toBeGreaterThan(0);
    expect(after - before).toBeLessThan(10);
  });

  it('may be gone or hang: the process is degraded, says why, and is whole again afterwards', async () => {
    await start();
    const runtime: Runtime = createRuntime(
      Configuration.fromEnvironment({
        REDIS_URL: redis.url,
        ENCRYPTION_KEY: '0'.repeat(64),
        LOG_LEVEL: 'silent',
      }),
      'workflow',
    );
    open.push({ close: () => runtime.redis?.close() });
    const health = async (): Promise<{ status: string; message: string }> =>
      (await runtime.health.report()).checks['redis']!;
    const up = async (): Promise<string | undefined> =>
      /redis_up\{service="workflow"\} (\d)/.exec(await register.metrics())?.[1];
    await until(async () => (await health()).status === 'healthy');
    const upBefore = await up();

    redis.pause();
    await until(async () => (await health()).status === 'degraded');
    await until(async () => (await up()) === '0');
    redis.resume();
    await until(async () => (await health()).status === 'healthy');
    await redis.kill();
    await until(async () => (await health()).status === 'degraded');
    const gone = { ...(await runtime.health.report()), up: await up() };
    const started = performance.now();
    const answer = await runtime.redis!.ask('GET', (redis) => redis.get('key'));
    const waitedMs = performance.now() - started;
    await redis.restart();
    await until(async () => (await health()).status === 'healthy');

    expect(answer).toBeNull();
    expect([upBefore, gone.up, await up()]).toEqual(['1', '0', '1']);
    expect(gone.status).toBe('degraded');
    expect(gone.checks['redis']?.message).toContain(`Redis at 127.0.0.1:${String(redis.port)} cannot be reached`);
    // Not the time that a command has: it is not even sent.
    expect(waitedMs).toBeLessThan(250);
  });

  it.each([
    ['http://redis', 'does not begin with redis://'],
    ['rediss://redis', 'say encryption by redis.tls.mode'],
    ['redis://redis/one', 'ends with something else than the number of a database'],
    ['redis://redis?family=6', 'holds options'],
    ['redis://:%zz@redis', 'holds a % that begins no code'],
    ['redis', 'is no address'],
  ])('is not looked for at %s', async (address, problem) => {
    await start();
    expect(() => connect({ REDIS_URL: address })).toThrow(problem);
  });
});

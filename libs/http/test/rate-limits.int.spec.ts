import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Configuration, createRootLogger, logFor, RedisConnection, RedisSettings } from '@qa-pms/platform';
import { REDIS_RIGHTS, startRedis, type TestRedis } from '@qa-pms/testing';
import { describeWithRedis } from '@qa-pms/testing/jest';
import { RateLimits } from '../src/rate-limits.js';

/** A token comes back once in 1,000 s: never within a test. */
const SETTINGS = { ratePerSecond: 0.001, rateBurst: 3 };
/** A command that Redis does not answer takes a quarter of it. */
const SOON_MS = 1_000;
const ACCOUNT = 'qa@example.com';
const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'redis');

/** Turns that can be had soon, of so many that are asked for by turns. */
async function takenSoon(instances: RateLimits[], count: number, account = ACCOUNT): Promise<number> {
  let taken = 0;
  for (let number = 0; number < count; number += 1) {
    const turn = await instances[number % instances.length]!.take(account, Date.now() + SOON_MS);
    if (turn.taken) taken += 1;
  }
  return taken;
}

describe('limits of accounts without Redis', () => {
  it('are of each instance by itself, and of each account', async () => {
    const instances = [new RateLimits('jira a', SETTINGS, null), new RateLimits('jira a', SETTINGS, null)];

    expect(await takenSoon(instances, 20)).toBe(6);
    expect(await takenSoon(instances, 20, 'another')).toBe(6);
  });
});

await describeWithRedis('limits of accounts with Redis', () => {
  let redis: TestRedis;
  let connections: RedisConnection[];
  let instances: RateLimits[];

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    const settings = Configuration.fromEnvironment({ REDIS_URL: redis.url }).read(RedisSettings);
    connections = ['one', 'two'].map((name) => new RedisConnection(settings, name, log));
    instances = connections.map((connection) => new RateLimits('jira a', SETTINGS, connection));
    await allReady();
    await connections[0]!.ask('FLUSHALL', (redis) => redis.flushall());
  });
  afterEach(() => {
    for (const connection of connections) connection.close();
  });

  async function allReady(): Promise<void> {
    while (connections.some((connection) => connection.notReady() !== null)) await sleep(20);
  }

  it('are of all instances together', async () => {
    expect(await takenSoon(instances, 20)).toBe(3);
  });

  it('are of each account and each site', async () => {
    const other = new RateLimits('jira b', SETTINGS, connections[0]!);
    await takenSoon(instances, 3);

    expect([await takenSoon(instances, 5, 'another'), await takenSoon([other], 5)]).toEqual([3, 3]);
  });

  it('tell how long to wait, and use up nothing where that is too long', async () => {
    const quick = connections.map(
      (connection) => new RateLimits('jira c', { ratePerSecond: 0.1, rateBurst: 1 }, connection),
    );
    const first = await quick[0]!.take(ACCOUNT, Date.now() + SOON_MS);

    const refused = await quick[1]!.take(ACCOUNT, Date.now() + 1_000);
    const queued = await quick[1]!.take(ACCOUNT, Date.now() + 60_000);
    const next = await quick[0]!.take(ACCOUNT, Date.now() + 60_000);

    expect([first, refused, queued, next].map(({ taken }) => taken)).toEqual([true, false, true, true]);
    expect(queued.waitMs).toBeGreaterThan(5_000);
    expect(queued.waitMs).toBeLessThanOrEqual(10_000);
    expect(next.waitMs - queued.waitMs).toBeGreaterThan(5_000);
  });

  it('are none at 0 a second', async () => {
    const free = new RateLimits('jira d', { ratePerSecond: 0, rateBurst: 1 }, connections[0]!);

    expect(await takenSoon([free], 50)).toBe(50);
  });

  it('hold every instance when the upstream wants no call, and a longer wish is not cut short', async () => {
    await instances[0]!.hold(ACCOUNT, 60_000);
    await instances[1]!.hold(ACCOUNT, 5_000);

    const turns = await Promise.all(instances.map((instance) => instance.take(ACCOUNT, Date.now() + SOON_MS)));
    const heldMs = await Promise.all(instances.map((instance) => instance.heldMs(ACCOUNT)));

    for (const turn of turns) expect(turn).toMatchObject({ taken: false, isHeld: true });
    for (const ms of heldMs) expect(ms).toBeGreaterThan(50_000);
  });

  it('leave nothing behind that lasts, and no name of a person', async () => {
    await takenSoon(instances, 3);
    await instances[0]!.hold(ACCOUNT, 60_000);

    const keys = (await connections[0]!.ask('KEYS', (redis) => redis.keys('*'))) ?? [];
    const lives = await Promise.all(
      keys.map((key) => connections[0]!.ask('PTTL', (redis) => redis.pttl(key.replace(/^qa-pms:/, '')))),
    );

    expect(keys).toHaveLength(2);
    expect(keys.join()).not.toContain('example');
    for (const ms of lives) expect(ms).toBeGreaterThan(0);
  });

  it('need no more rights than the settings name', async () => {
    const rights = ['on', '>secret', ...REDIS_RIGHTS.split(' ')];
    await connections[0]!.ask('ACL', (redis) => redis.call('ACL', 'SETUSER', 'named', ...rights));
    const url = redis.url.replace('redis://', 'redis://named:secret@');
    const settings = Configuration.fromEnvironment({ REDIS_URL: url }).read(RedisSettings);
    const said: object[] = [];
    const named = new RedisConnection(settings, 'named', { info: () => undefined, warn: (facts) => said.push(facts) });
    connections.push(named);
    await allReady();
    const limits = new RateLimits('jira a', SETTINGS, named);

    const taken = await takenSoon([limits, ...instances], 20);
    await limits.hold(ACCOUNT, 60_000);

    expect(taken).toBe(3);
    expect(await instances[0]!.heldMs(ACCOUNT)).toBeGreaterThan(50_000);
    expect(said).toEqual([]);
  });

  it('are kept by each instance where Redis does not let it do what it must, which is said once', async () => {
    const rights = ['on', '>secret', '~*', '+hello', '+client', '+info', '+ping'];
    await connections[0]!.ask('ACL', (redis) => redis.call('ACL', 'SETUSER', 'limited', ...rights));
    const url = redis.url.replace('redis://', 'redis://limited:secret@');
    const settings = Configuration.fromEnvironment({ REDIS_URL: url }).read(RedisSettings);
    const said: object[] = [];
    const limited = new RedisConnection(settings, 'limited', {
      info: () => undefined,
      warn: (facts: object) => said.push(facts),
    });
    connections.push(limited);
    await allReady();

    const taken = await takenSoon([new RateLimits('jira a', SETTINGS, limited)], 8);

    expect(taken).toBe(3);
    expect(said).toEqual([
      { command: 'EVAL', reason: expect.stringContaining('does not allow our user what we need') },
    ]);
  });

  it('are kept by each instance while Redis is gone or hangs', async () => {
    redis.pause();
    const hanging = await takenSoon(instances, 8, 'hanging');
    redis.resume();
    await redis.kill();
    const gone = await takenSoon(instances, 8, 'gone');
    await redis.restart();
    await allReady();
    const back = await takenSoon(instances, 8, 'back');

    expect([hanging, gone, back]).toEqual([6, 6, 3]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { all, type Answer, connect, failureOf, pass, stopClock } from './client.fixture.js';

const failing: Answer = { status: 500 };
const fine: Answer = { body: { fine: true } };
const once = { path: '/x', idempotent: false, read: all };
const fragile = { breakerWindow: 4, breakerMinCalls: 2, breakerOpenMs: 10_000 };

describe('the circuit breaker', () => {
  it('opens when most calls fail, and asks no more', async () => {
    stopClock();
    const { client, asked, heard } = await connect([failing], fragile);
    await failureOf(client.call(once));
    await failureOf(client.call(once));

    const refused = await failureOf(client.call(once));

    expect(refused.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(refused.details).toMatchObject({ reason: expect.stringContaining('left alone'), retryAfterSeconds: 10 });
    expect(asked).toHaveLength(2);
    expect(heard).toContain('breaker closed to open');
    expect(heard).toContain('warning: circuit breaker changed from closed to open');
    expect(heard.slice(-2)).toEqual(['breaker rejected', 'call circuit_open']);
  });

  it('opens within the tries of one call, whose error is that of the upstream', async () => {
    stopClock();
    const { client, asked } = await connect([failing], fragile);

    const error = await failureOf(client.call({ path: '/x', read: all }));

    expect([error.code, error.details['status'], asked.length]).toEqual(['UPSTREAM_FAILED', 500, 2]);
  });

  it.each([302, 400, 401, 403, 404, 409, 429])('stays closed on %i: the upstream lives', async (status) => {
    stopClock();
    const { client, asked } = await connect([{ status, headers: { 'retry-after': '0' } }], fragile);

    for (let call = 0; call < 5; call += 1) await failureOf(client.call(once));

    expect(asked).toHaveLength(5);
  });

  it('stays closed when callers give up', async () => {
    stopClock();
    let giveUp: AbortController[] = [];
    const { client, asked, heard } = await connect([() => giveUp.pop()?.abort()], fragile);

    for (let call = 0; call < 5; call += 1) {
      giveUp = [new AbortController()];
      await failureOf(client.call({ ...once, signal: giveUp[0]!.signal }));
    }

    expect(asked).toHaveLength(5);
    expect(new Set(heard)).toEqual(new Set(['call cancelled']));
  });

  it('lets one call try after a while, and closes when it succeeds', async () => {
    stopClock();
    const { promise: trialArrived, resolve: arrived } = Promise.withResolvers<undefined>();
    let finish: () => void = () => undefined;
    const slow: Answer = (_request, response) => {
      finish = () => response.end('{}');
      arrived(undefined);
    };
    const { client, asked, heard } = await connect([failing, failing, slow, fine], fragile);
    await failureOf(client.call(once));
    await failureOf(client.call(once));
    pass(10_001);

    const trial = client.call(once);
    await trialArrived;
    const others = await Promise.all([failureOf(client.call(once)), failureOf(client.call(once))]);
    finish();
    await trial;
    const after = await Promise.all([client.call(once), client.call(once)]);

    expect(others.map(({ details }) => details['reason'])).toEqual(
      Array(2).fill(expect.stringContaining('left alone')),
    );
    expect([asked.length, after]).toEqual([5, [{ fine: true }, { fine: true }]]);
    expect(heard.filter((one) => /^breaker .* to /.test(one))).toEqual([
      'breaker closed to open',
      'breaker open to half_open',
      'breaker half_open to closed',
    ]);
  });

  it('opens again when the trial fails', async () => {
    stopClock();
    const { client, asked } = await connect([failing], fragile);
    await failureOf(client.call(once));
    await failureOf(client.call(once));
    pass(10_001);

    const trial = await failureOf(client.call(once));
    const next = await failureOf(client.call(once));

    expect([trial.code, next.code, asked.length]).toEqual(['UPSTREAM_FAILED', 'UPSTREAM_UNAVAILABLE', 3]);
  });

  it('opens again when the trial is given up', async () => {
    stopClock();
    const givenUp = new AbortController();
    const { client, asked } = await connect(
      [
        failing,
        failing,
        () => {
          givenUp.abort();
        },
        fine,
      ],
      fragile,
    );
    await failureOf(client.call(once));
    await failureOf(client.call(once));
    pass(10_001);

    await failureOf(client.call({ ...once, signal: givenUp.signal }));
    const next = await failureOf(client.call(once));

    expect([next.details['reason'], asked.length]).toEqual([expect.stringContaining('left alone'), 3]);
  });
});

describe('the rate limit', () => {
  it('makes calls wait their turn, each account for itself', async () => {
    stopClock();
    const { client, waits, heard } = await connect([fine], { ratePerSecond: 1, rateBurst: 2 });
    const call = (account: string) => client.call({ path: '/x', account, read: all });

    await call('a');
    await call('a');
    await call('b');
    await call('a');

    expect(waits).toEqual([1_000]);
    expect(heard).toContain('limited by client');
  });

  it('ends a call whose turn comes after its deadline, and says when it may come again', async () => {
    stopClock();
    const { client, asked } = await connect([fine], { ratePerSecond: 0.1, rateBurst: 1 });
    await client.call({ path: '/x', read: all });

    const error = await failureOf(client.call({ path: '/x', timeoutMs: 5_000, read: all }));

    expect(error.details).toMatchObject({ reason: expect.stringContaining('rate limit'), retryAfterSeconds: 10 });
    expect(asked).toHaveLength(1);
  });

  it('asks no more for an account that the upstream has refused, until it may', async () => {
    stopClock();
    const { client, asked, waits } = await connect([{ status: 429, headers: { 'retry-after': '60' } }, fine]);
    await failureOf(client.call({ path: '/x', account: 'a', read: all }));

    const refused = await failureOf(client.call({ path: '/x', account: 'a', read: all }));
    const other = await client.call({ path: '/x', account: 'b', read: all });
    pass(55_000);
    const later = await client.call({ path: '/x', account: 'a', read: all });

    expect(refused.details).toMatchObject({ status: null, retryAfterSeconds: 60 });
    expect([other, later, waits, asked.length]).toEqual([{ fine: true }, { fine: true }, [5_000], 3]);
  });

  it('waits before the upstream must refuse, where it tells that the limit is used up', async () => {
    stopClock();
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2026-01-17T12:00:04Z', date: 'x' };
    const { client, waits } = await connect([{ headers }, fine]);
    await client.call({ path: '/x', read: all });

    await client.call({ path: '/x', read: all });

    expect(waits).toEqual([4_000]);
  });

  it('waits as set after a 429 that does not say how long', async () => {
    stopClock();
    const { client, waits } = await connect([{ status: 429 }, fine], { rateLimitedWaitSeconds: 60, timeoutMs: 90_000 });

    await client.call({ path: '/x', read: all });

    expect(waits[0]).toBeGreaterThanOrEqual(60_000);
    expect(waits[0]).toBeLessThanOrEqual(66_000);
  });
});

describe('the calls at once', () => {
  it('are as many as the settings say after a reload, with those that wait', async () => {
    const { client, settings, server } = await connect([() => undefined], { concurrency: 1, queue: 0, retries: 0 });
    const untilSeen = async (count: number): Promise<void> => {
      while (server.seen < count) await new Promise(setImmediate);
    };
    const calls = [failureOf(client.call(once))];
    await untilSeen(1);
    const refused = await failureOf(client.call(once));

    Object.assign(settings, { concurrency: 2, queue: 1 });
    for (let count = 0; count < 3; count += 1) calls.push(failureOf(client.call(once)));
    const tooMany = await failureOf(client.call(once));
    await untilSeen(3);
    await client.close();
    await Promise.all(calls);

    for (const { details } of [refused, tooMany]) expect(details['reason']).toBe('too many calls wait for it already');
    expect(server.seen).toBe(3);
  });
});

describe('connections', () => {
  it('are as many as calls at once, also where others wait for their turn', async () => {
    const { client, server } = await connect([fine], { concurrency: 3, queue: 100, ratePerSecond: 0 });

    await Promise.all(Array.from({ length: 60 }, () => client.call(once)));

    expect([server.seen, server.connections]).toEqual([60, 3]);
  });
});

describe('a stampede of 1,000 calls on an upstream that hangs', () => {
  it('holds few connections, refuses what cannot wait, and lets others go on', async () => {
    const settings = { concurrency: 10, queue: 100, ratePerSecond: 0, timeoutMs: 20_000 };
    const hanging = await connect([() => undefined], settings);
    const healthy = await connect([fine], settings);
    const before = process.memoryUsage().heapUsed;

    const calls = Array.from({ length: 1_000 }, () => failureOf(hanging.client.call(once)));
    const refused = await Promise.all(calls.slice(110));
    const other = await healthy.client.call(once);
    while (hanging.server.seen < 10) await new Promise(setImmediate);
    const [connections, heldMb] = [hanging.server.connections, (process.memoryUsage().heapUsed - before) / 1024 / 1024];
    await hanging.client.close();
    const givenUp = await Promise.all(calls.slice(0, 110));

    expect(new Set(refused.map(({ details }) => details['reason']))).toEqual(
      new Set(['too many calls wait for it already']),
    );
    expect(new Set(givenUp.map(({ details }) => details['reason']))).toEqual(new Set(['the call was given up']));
    expect([other, hanging.server.seen, connections]).toEqual([{ fine: true }, 10, 10]);
    expect(heldMb).toBeLessThan(100);
  });

  it('recovers when the upstream does', async () => {
    let hangs = true;
    const answer: Answer = (_request, response) => {
      if (!hangs) response.end('{"fine": true}');
    };
    const settings = { concurrency: 5, queue: 100, ratePerSecond: 0, breakerOpenMs: 50, timeoutMs: 200 };
    const { client, heard } = await connect([answer], settings);
    await Promise.all(Array.from({ length: 100 }, () => failureOf(client.call(once))));
    hangs = false;

    const answers: unknown[] = [];
    for (let call = 0; call < 200 && answers.length < 20; call += 1) {
      await client.call({ ...once, timeoutMs: 5_000 }).then(
        (body) => answers.push(body),
        () => new Promise((resolve) => setTimeout(resolve, 10)),
      );
    }

    expect(answers).toEqual(Array(20).fill({ fine: true }));
    expect(heard.at(-1)).toBe('call ok');
  });
});

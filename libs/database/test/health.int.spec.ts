import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createRootLogger, Health, logFor, memoryCheck, spaceCheck } from '@qa-pms/platform';
import {
  startService,
  startTcpProxy,
  startTestDatabase,
  type TcpProxy,
  type TestDatabase,
  type TestService,
} from '@qa-pms/testing';
import { toyService } from './toy-service.js';

const TOKEN = 'the-token-of-the-scraper';
const FRESH_MS = 1_100;
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Answer {
  status: number;
  tookMs: number;
  body: { status: string; code?: string; error?: string; checks: Record<string, { status: string; message?: string }> };
}

describe('the health of a service', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let service: TestService;

  beforeAll(async () => {
    database = await startTestDatabase();
    const url = new URL(database.url);
    proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    service = await startService(toyService, { databaseUrl: url.href, settings: { METRICS_TOKEN: TOKEN } });
  });
  afterEach(async () => {
    proxy.pass();
    // Answers are kept for a second.
    await sleep(FRESH_MS);
  });
  afterAll(async () => {
    await service.stop();
    await proxy.stop();
    await database.stop();
  });

  async function get(path: string, authorization?: string): Promise<Answer> {
    const started = performance.now();
    const { statusCode, body } = await service.http.inject({
      url: path,
      headers: { ...(authorization && { authorization }) },
    });
    return { status: statusCode, tookMs: performance.now() - started, body: JSON.parse(body) };
  }

  /** The answer once it is good, which takes a moment: a part that is late, or a connection that kept silent. */
  async function untilGood(): Promise<Answer> {
    let answer = await get('/health/ready');
    for (let tries = 0; answer.body.status !== 'healthy' && tries < 100; tries += 1) {
      await sleep(100);
      answer = await get('/health/ready');
    }
    return answer;
  }

  it('names each part, and what is said of it only to those who have the token', async () => {
    const short = await untilGood();
    const detailed = await get('/health/detailed', `Bearer ${TOKEN}`);

    expect(short).toMatchObject({
      status: 200,
      body: { status: 'healthy', checks: { database: { status: 'healthy' } } },
    });
    expect(Object.keys(short.body.checks).sort()).toEqual(['consumer', 'database', 'disk', 'memory', 'migrations']);
    expect(JSON.stringify(short.body)).not.toContain('message');
    expect(detailed.body.checks).toMatchObject({
      database: { status: 'healthy', message: 'reachable', responseTimeMs: expect.any(Number) },
      migrations: { message: 'up to date' },
      disk: { message: expect.stringMatching(/^\d+ % free at /) },
      memory: { message: expect.stringMatching(/^\d+ % of \d+ MB used$/) },
    });
    expect(detailed.body).toMatchObject({ version: expect.any(String), uptimeSeconds: expect.any(Number) });
  });

  it.each([[undefined], ['Bearer wrong'], ['Bearer '], [`Basic ${TOKEN}`]])(
    'refuses details to "%s"',
    async (authorization) => {
      const { status, body } = await get('/health/detailed', authorization);

      expect([status, body.code]).toEqual([401, 'UNAUTHENTICATED']);
      expect(body.checks).toBeUndefined();
    },
  );

  it.each<[string, () => void]>([
    ['hangs', () => proxy.stall()],
    ['refuses', () => proxy.refuse()],
    ['is slow', () => proxy.slow(400)],
  ])('is bad while the database %s, within the limit of time, and good again after', async (_how, break_) => {
    break_();
    await sleep(FRESH_MS);
    const answers: Answer[] = [];
    for (let probe = 0; probe < 30; probe += 1) {
      answers.push(await get('/health/ready'));
      await sleep(100);
    }
    const live = await get('/health/live');
    proxy.pass();
    const after = await untilGood();

    const times = answers.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
    process.stderr.write(
      `probes: P95 ${String(Math.round(times[28] ?? NaN))} ms, max ${String(Math.round(times[29] ?? NaN))} ms\n`,
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(answers[0]?.body).toMatchObject({ status: 'unhealthy', checks: { database: { status: 'unhealthy' } } });
    expect(live.status).toBe(200);
    expect(after).toMatchObject({ status: 200, body: { status: 'healthy' } });
  });
});

describe('Health', () => {
  it('asks each part once, however many ask', async () => {
    const health = new Health('1');
    let asked = 0;
    health.add({ name: 'database', required: true, check: () => `asked ${String((asked += 1))} times` });

    const reports = await Promise.all(Array.from({ length: 1_000 }, () => health.report()));

    expect(new Set(reports.map(({ checks }) => checks['database']?.message))).toEqual(new Set(['asked 1 times']));
  });

  it('tells the parts of several services apart, and not those of the process', async () => {
    const health = new Health('1');
    for (const service of ['identity', 'workflow'])
      health.add({ name: 'database', service, required: true, check: () => service });
    health.add({ name: 'memory', required: false, check: () => 'fine' });

    const { checks } = await health.report();

    expect(Object.keys(checks)).toEqual(['identity.database', 'workflow.database', 'memory']);
  });

  it('is degraded, not bad, where the disk is nearly full, hangs or refuses, or memory is short', async () => {
    const refuse = (): Promise<never> => Promise.reject(new Error('EIO'));
    const parts = [
      spaceCheck('/data', () => Promise.resolve({ blocks: 100, bavail: 14 })),
      spaceCheck('/data', () => new Promise(() => undefined)),
      spaceCheck('/data', refuse),
      memoryCheck(() => 91, 100),
    ];

    const reports = await Promise.all(
      parts.map((part) => {
        const health = new Health('1');
        health.add(part);
        return health.report();
      }),
    );

    expect(reports.map(({ status }) => status)).toEqual(Array(4).fill('degraded'));
    expect(reports.flatMap(({ checks }) => Object.values(checks).map(({ message }) => message))).toEqual([
      '14 % free at /data',
      'timeout of 150ms exceeded',
      'EIO',
      '91 % of 0 MB used',
    ]);
  });

  it('asks a disk that hangs only once', async () => {
    let asked = 0;
    const { check } = spaceCheck('/data', () => {
      asked += 1;
      return new Promise(() => undefined);
    });

    for (let probe = 0; probe < 10; probe += 1) void check();
    await sleep(10);

    expect(asked).toBe(1);
  });

  it('logs what changes of a part, and why, once', async () => {
    const lines: unknown[] = [];
    const output = { write: (line: string) => lines.push(JSON.parse(line)) };
    const health = new Health('1', logFor(createRootLogger({ level: 'info', format: 'json', output }), 'runner'));
    let fault: string | null = 'connect ECONNREFUSED';
    const check = (): string => {
      if (fault !== null) throw new Error(fault);
      return 'reachable';
    };
    health.add({ name: 'database', service: 'workflow', required: true, check });
    health.add({ name: 'memory', required: false, check: () => 'fine' });

    await Promise.all([health.report(), health.report()]);
    fault = null;
    await sleep(FRESH_MS);
    await health.report();
    fault = 'closed';
    health.stop();
    await sleep(FRESH_MS);
    await health.report();

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'part is not healthy',
        part: 'database',
        status: 'unhealthy',
        message: 'connect ECONNREFUSED',
      }),
      expect.objectContaining({ level: 'info', msg: 'part is healthy again', part: 'database', message: 'reachable' }),
    ]);
  });

  it('is bad from the moment the process stops', async () => {
    const health = new Health('1');
    health.add({ name: 'database', required: true, check: () => 'reachable' });

    health.stop();
    const { status, checks } = await health.report();

    expect([status, checks['process']?.message]).toEqual(['unhealthy', 'stopping']);
  });
});

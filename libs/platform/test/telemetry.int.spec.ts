import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import {
  bootService,
  Configuration,
  createRootLogger,
  createRuntime,
  defineService,
  type RunningService,
  startTracing,
} from '@qa-pms/platform';
import type { DestinationStream } from 'pino';
import { register } from 'prom-client';

@Module({})
class EmptyModule {}

const empty = defineService({ name: 'gateway', module: EmptyModule, settings: [] });

async function boot(settings: Record<string, string> = {}, output?: DestinationStream): Promise<RunningService> {
  const environment = { ENCRYPTION_KEY: 'ab'.repeat(32), LOG_LEVEL: 'silent', ...settings };
  const runtime = createRuntime(Configuration.fromEnvironment(environment), 'gateway');
  if (output) runtime.logger = createRootLogger({ level: 'info', format: 'json', output });
  const service = await bootService(empty, runtime);
  service.http.post('/things', async () => ({ well: true }));
  service.http.get('/things/:id', async () => ({ well: true }));
  service.http.get('/refused', () => Promise.reject(new AppError('RATE_LIMITED', { token: 'hunter2' })));
  service.http.get('/refused-there', () => Promise.reject(AppError.from('FORBIDDEN', {})));
  service.http.get('/waits', () => new Promise(() => undefined));
  return service;
}

/** Asks for what is never answered, and goes once the service has begun on it. */
async function goBeforeAnswer(service: RunningService): Promise<void> {
  const gone = new AbortController();
  const begun = once(service.http.server, 'request');
  const asked = fetch(`${await service.app.getUrl()}/waits`, { signal: gone.signal });
  await begun;
  gone.abort();
  await expect(asked).rejects.toThrow();
}

function portOf(server: Server | TcpServer): number {
  return (server.address() as AddressInfo).port;
}

/** What a metric says now, over all its labels. */
async function total(name: string): Promise<number> {
  const values = (await register.getSingleMetric(name)?.get())?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
}

describe('metrics', () => {
  let service: RunningService;

  beforeAll(async () => {
    service = await boot();
  });

  afterAll(() => service.app.close());

  it('count requests by the pattern of their route and not by what is asked for', async () => {
    for (const id of ['a', 'b', 'c']) await service.http.inject({ url: `/things/${id}?page=${id}` });
    const { body, headers } = await service.http.inject({ url: '/metrics' });

    expect(headers['content-type']).toContain('application/openmetrics-text');
    expect(body).toContain(
      'http_requests_total{service="gateway",method="GET",path="/things/:id",status="200",error_code=""} 3',
    );
    expect(body.trim().endsWith('# EOF')).toBe(true);
  });

  it('count a request whose sender went before the answer as gone, and no longer as in flight', async () => {
    await service.app.listen(0, '127.0.0.1');

    await goBeforeAnswer(service);
    let text = '';
    for (let tries = 0; !text.includes('path="/waits"') && tries < 100; tries += 1) {
      await sleep(20);
      text = (await service.http.inject({ url: '/metrics' })).body;
    }

    expect(text).toContain(
      'http_requests_total{service="gateway",method="GET",path="/waits",status="gone",error_code=""} 1',
    );
    expect(text).toContain('http_requests_in_flight{service="gateway"} 0');
  });

  it('leave out probes and scrapes', async () => {
    for (const url of ['/health/live', '/health', '/metrics']) await service.http.inject({ url });
    const { body } = await service.http.inject({ url: '/metrics' });

    expect(body).not.toMatch(/path="\/(health|metrics)/);
  });

  it('stay as few under 10,000 paths, ids, methods and users', async () => {
    const series = async (): Promise<number> =>
      (await service.http.inject({ url: '/metrics' })).body.split('\n').filter((line) => /^[a-z]/.test(line)).length;
    await service.http.inject({ url: '/nothing/0' });
    await service.http.inject({ url: '/things/0' });
    const before = await series();

    for (let count = 0; count < 5_000; count += 1) {
      const headers = { authorization: `Bearer user-${String(count)}`, 'x-request-id': `r-${String(count)}` };
      await service.http.inject({ url: `/nothing/${String(count)}`, headers });
      await service.http.inject({ url: `/things/${String(count)}`, headers });
    }

    expect(await series()).toBe(before);
  }, 60_000);

  it('are for those who know the token, where there is one', async () => {
    const guarded = await boot({ METRICS_TOKEN: 'a-token-for-scrapes' });
    const ask = async (authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? {} : { authorization };
      return (await guarded.http.inject({ url: '/metrics', headers })).statusCode;
    };

    const statuses = [await ask(), await ask('Bearer wrong'), await ask('Bearer a-token-for-scrapes')];
    await guarded.app.close();

    expect(statuses).toEqual([401, 401, 200]);
  });
});

type Line = Record<string, unknown>;

describe('the line of a request', () => {
  let service: RunningService;
  let lines: Line[];

  beforeAll(async () => {
    lines = [];
    service = await boot({}, { write: (line) => lines.push(JSON.parse(line) as Line) });
    await service.app.listen(0, '127.0.0.1');
  });

  afterAll(() => service.app.close());

  const requests = (): Line[] => lines.filter(({ msg }) => msg === 'request');

  /** The lines of requests, once there are any. */
  async function written(): Promise<Line[]> {
    while (requests().length === 0) await sleep(20);
    return requests();
  }

  /** What comes back for raw bytes, until the connection is closed. */
  async function answerTo(bytes: string): Promise<{ head: string; body: Record<string, unknown> }> {
    const socket = connect(portOf(service.http.server), '127.0.0.1').setEncoding('utf8');
    socket.write(bytes);
    const [head = '', body = ''] = (await socket.toArray()).join('').split('\r\n\r\n');
    return { head, body: JSON.parse(body) as Record<string, unknown> };
  }

  it('names its trace also where its sender went before the answer', async () => {
    const settings = { endpoint: 'http://127.0.0.1:1', protocol: 'http/protobuf', sampleRatio: 1, metricsToken: '' };
    const tracing = await startTracing(settings, { service: 'gateway', version: '0', instanceId: 'x' });
    lines.length = 0;

    await goBeforeAnswer(service);
    const shown = await written();
    await tracing?.stop();

    expect(shown).toEqual([
      expect.objectContaining({
        route: '/waits',
        status: null,
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      }),
    ]);
  });

  it.each([
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400, 'MALFORMED_REQUEST'],
    ['too long a head', `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ])('is there for %s, which are counted as well', async (_what, bytes, status, code) => {
    lines.length = 0;

    const { head, body } = await answerTo(bytes);
    const metrics = (await service.http.inject({ url: '/metrics' })).body;

    expect(head).toContain(`HTTP/1.1 ${String(status)} `);
    expect(body).toMatchObject({ code, requestId: expect.any(String) });
    expect(requests()).toEqual([
      expect.objectContaining({ level: 'info', requestId: body['requestId'], method: null, route: null, status }),
    ]);
    expect(metrics).toContain(
      `http_requests_total{service="gateway",method="unknown",path="unknown",status="${String(status)}",error_code="${code}"} 1`,
    );
  });

  it('has a warning beside it where the register says so of a refusal, once', async () => {
    lines.length = 0;
    const ask = async (url: string) => {
      const headers = { 'x-request-id': url.slice(1).replace('/', '-'), authorization: 'Bearer hunter2' };
      return (await service.http.inject({ url, headers })).statusCode;
    };

    const statuses = [await ask('/refused'), await ask('/health/detailed'), await ask('/nothing')];
    const shown = lines.filter(({ level }) => level !== 'info');

    expect(statuses).toEqual([429, 401, 404]);
    const [time, level, service_, msg] = [expect.any(String), 'warn', 'gateway', 'request refused'];
    const common = { time, level, service: service_, msg, userId: null, projectId: null, method: 'GET' };
    expect(shown).toEqual([
      { ...common, requestId: 'refused', code: 'RATE_LIMITED', route: '/refused' },
      { ...common, requestId: 'health-detailed', code: 'UNAUTHENTICATED', route: '/health/detailed' },
    ]);
  });

  it('has none where a service has refused, whose own line says so', async () => {
    lines.length = 0;

    const { statusCode } = await service.http.inject({ url: '/refused-there' });

    expect(statusCode).toBe(403);
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('is one where its body cannot be read, with the id that is answered', async () => {
    lines.length = 0;

    const { body } = await answerTo(
      'POST /things HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nContent-Type: application/json\r\n' +
        'Transfer-Encoding: chunked\r\n\r\nno size\r\n',
    );
    const shown = await written();

    expect(body).toMatchObject({ code: 'MALFORMED_REQUEST', requestId: 'mine' });
    expect(shown).toEqual([expect.objectContaining({ requestId: 'mine', method: 'POST', route: '/things' })]);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Megabytes that are in use, without garbage. */
function megabytesInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Ways in which a collector can be of no use; each answers its port. */
const FAULTS: [name: string, listen: () => Promise<Server | TcpServer | null>][] = [
  ['absent', () => Promise.resolve(null)],
  ['slow', () => http((answer) => setTimeout(() => answer(200, '{}'), 1_000).unref())],
  ['hanging', () => http(() => undefined)],
  ['answering garbage', () => http((answer) => answer(200, '<html>\u0000'))],
  ['answering 429', () => http((answer) => answer(429, ''))],
  ['answering 500', () => http((answer) => answer(500, 'x'.repeat(100_000)))],
  ['resetting', () => tcp((socket) => socket.resetAndDestroy())],
  ['speaking no HTTP', () => tcp((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))],
];

describe.each(['http/protobuf', 'grpc'])('a collector over %s that is', (protocol) => {
  // What was on its way when the exporter stopped is given up after 1.5 s.
  afterAll(() => sleep(2_000));

  it.each(FAULTS)(
    '%s costs no request, little memory, and no time at the exit',
    async (name, listen) => {
      const collector = await listen();
      const port = collector ? portOf(collector) : 1;
      const settings = { endpoint: `http://127.0.0.1:${String(port)}`, protocol, sampleRatio: 1, metricsToken: '' };
      const tracing = await startTracing(settings, { service: 'gateway', version: '0', instanceId: 'x' });
      const service = await boot();
      const [failed, dropped] = [await total('spans_failed_total'), await total('spans_dropped_total')];
      const before = megabytesInUse();

      const statuses = new Set<number>();
      for (let count = 0; count < 6_000; count += 1) {
        statuses.add((await service.http.inject({ url: `/things/${String(count)}` })).statusCode);
        // Without a turn of its own nothing is sent, and nothing of a request is let go.
        if (count % 20 === 0) await nextTurn();
      }
      await nextTurn();
      const more = megabytesInUse() - before;
      const start = performance.now();
      await tracing?.stop();
      const tookMs = performance.now() - start;

      process.stderr.write(
        `collector ${name} over ${protocol}: stopped after ${tookMs.toFixed(0)} ms, ${more.toFixed(1)} MB more in use\n`,
      );
      expect([...statuses]).toEqual([200]);
      expect(tookMs).toBeLessThan(3_000);
      // 4,096 spans wait at most: about 4 MB, and twice as much on its way.
      expect(more).toBeLessThan(20);
      if (name !== 'slow' && name !== 'answering garbage')
        expect(
          (await total('spans_failed_total')) - failed + (await total('spans_dropped_total')) - dropped,
        ).toBeGreaterThan(0);
      await service.app.close();
      collector?.close();
      if (collector && 'closeAllConnections' in collector) collector.closeAllConnections();
    },
    60_000,
  );
});

it('a collector that takes no spans is told of until it takes some', async () => {
  let status = 400;
  const collector = await http((answer) => answer(status, '{}'));
  const endpoint = `http://127.0.0.1:${String(portOf(collector))}`;
  const settings = { endpoint, protocol: 'http/protobuf', sampleRatio: 1, metricsToken: '' };
  const tracing = await startTracing(settings, { service: 'gateway', version: '0', instanceId: 'x' });
  const service = await boot();
  const told = (): string => {
    try {
      return String(tracing?.check());
    } catch (error) {
      return `fault: ${(error as Error).message}`;
    }
  };
  const after = async (isSaid: () => boolean): Promise<string> => {
    await service.http.inject({ url: '/things/1' });
    while (!isSaid()) await sleep(20);
    return told();
  };

  const first = told();
  const refused = await after(() => told().startsWith('fault'));
  status = 200;
  const taken = await after(() => !told().startsWith('fault'));
  await tracing?.stop();
  await service.app.close();
  collector.close();

  expect([first, taken]).toEqual(['spans are taken', 'spans are taken']);
  expect(refused).toMatch(/^fault: ./);
}, 30_000);

type Answer = (status: number, body: string) => void;

async function http(handle: (answer: Answer) => void): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    handle((status, body) => {
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function tcp(handle: (socket: Socket) => void): Promise<TcpServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

import { inspect } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import { all, type Answer, connect, failureOf, stopClock } from './client.fixture.js';

const status = (code: number, headers: Record<string, string> = {}): Answer => ({ status: code, headers });
const reset: Answer = (_request, response) => response.destroy();
const garbage: Answer = (_request, response) => response.end('{"a"');
const emptyGzip: Answer = (_request, response) =>
  response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '0' }).end();
const silence: Answer = () => undefined;

describe('a call', () => {
  it('answers what is read of the JSON, and sends query, headers and body', async () => {
    const { client, asked } = await connect([{ body: { name: 'Ünïcode', more: 1 } }]);

    const name = await client.call({
      path: '/things',
      query: { q: 'a b&c', page: 2, none: undefined },
      headers: { 'x-key': 'k' },
      read: (body) => (body as { name: string }).name,
    });

    expect(name).toBe('Ünïcode');
    expect(asked[0]).toMatchObject({ line: 'GET /api/things?q=a+b%26c&page=2', headers: { 'x-key': 'k' } });
  });

  it.each([status(204), status(204, { 'content-encoding': 'gzip' }), emptyGzip])(
    'reads null of an empty answer',
    async (answer) => {
      const { client } = await connect([answer]);

      expect(await client.call({ method: 'POST', path: '/x', body: {}, read: all })).toBeNull();
    },
  );

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])('takes an answer in %s', async (encoding, compress) => {
    const body = compress(JSON.stringify({ fine: 'ü'.repeat(10_000) }));
    const { client, asked } = await connect([
      (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body),
    ]);

    expect(await client.call({ path: '/x', read: all })).toEqual({ fine: 'ü'.repeat(10_000) });
    expect(asked[0]?.headers['accept-encoding']).toContain(encoding);
  });

  it('lets the caller read a status that it accepts', async () => {
    const { client } = await connect([status(404)]);

    expect(await client.call({ path: '/x', accept: [404], read: (_body, code) => code })).toBe(404);
  });

  it('ends with the error that the caller makes of an answer, and takes it for no fault of the upstream', async () => {
    const { client, heard } = await connect([status(404)]);
    const read = () => {
      throw new AppError('TICKET_NOT_FOUND', { key: 'DEMO-1' });
    };

    const error = await failureOf(client.call({ path: '/x', accept: [404], read }));

    expect(error.code).toBe('TICKET_NOT_FOUND');
    expect(heard).toEqual(['breaker success', 'call ok']);
  });

  it('is tried again after 1, 2 and 4 seconds, more or less', async () => {
    stopClock();
    const { client, asked, waits, heard } = await connect([status(500)], { timeoutMs: 60_000 });

    const error = await failureOf(client.call({ path: '/x', read: all }));

    expect([error.code, error.details]).toEqual([
      'UPSTREAM_FAILED',
      { upstream: 'demo', status: 500, reason: 'status 500' },
    ]);
    expect(asked).toHaveLength(4);
    expect(waits.map((ms, index) => Math.abs(ms / (1_000 * 2 ** index) - 1) <= 0.2)).toEqual([true, true, true]);
    expect(new Set(waits.map((ms, index) => ms / 2 ** index)).size).toBe(3);
    expect(heard.filter((one) => one.startsWith('retry'))).toEqual(Array(3).fill('retry after failed'));
  });

  it.each([
    ['a 408', status(408)],
    ['a 500', status(500)],
    ['a 503', status(503)],
    ['a 429', status(429)],
    ['a reset connection', reset],
    ['an answer that cannot be read', garbage],
  ])('goes on after %s', async (_what, bad) => {
    stopClock();
    const { client, asked } = await connect([bad, bad, { body: { fine: true } }]);

    expect(await client.call({ path: '/x', read: all })).toEqual({ fine: true });
    expect(asked).toHaveLength(3);
  });

  it.each(['POST', 'PATCH'] as const)('of %s is sent once', async (method) => {
    const { client, asked } = await connect([reset, {}]);

    const error = await failureOf(client.call({ method, path: '/x', body: {}, read: all }));

    expect(error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(asked).toHaveLength(1);
  });

  it('of POST is repeated with its idempotency key', async () => {
    stopClock();
    const { client, asked } = await connect([reset, status(503), {}]);

    await client.call({ method: 'POST', path: '/x', body: {}, idempotencyKey: 'k-1', read: all });

    expect(asked.map(({ headers }) => headers['idempotency-key'])).toEqual(['k-1', 'k-1', 'k-1']);
  });

  it('waits as long as the upstream wants', async () => {
    stopClock();
    const { client, waits } = await connect([status(429, { 'retry-after': '3', date: '' }), {}]);

    await client.call({ path: '/x', read: all });

    expect(waits[0]).toBeGreaterThanOrEqual(3_000);
    expect(waits[0]).toBeLessThanOrEqual(3_300);
  });

  it("reads moments by the upstream's clock", async () => {
    stopClock();
    const headers = { date: 'Sat, 17 Jan 2026 15:00:00 GMT', 'x-ratelimit-reset': '2026-01-17T15:00:02Z' };
    const { client, waits } = await connect([status(429, headers), {}]);

    await client.call({ path: '/x', read: all });

    expect(waits[0]).toBeGreaterThanOrEqual(2_000);
    expect(waits[0]).toBeLessThanOrEqual(2_200);
  });

  it('ends at once where the upstream wants to be left alone beyond the deadline', async () => {
    const { client, asked, waits } = await connect([status(503, { 'retry-after': '60' })]);

    const error = await failureOf(client.call({ path: '/x', timeoutMs: 5_000, read: all }));

    expect(error.details).toMatchObject({ status: 503, retryAfterSeconds: 60 });
    expect([asked.length, waits]).toEqual([1, []]);
  });

  it('ends when the caller gives it up', async () => {
    const { client, heard } = await connect([silence]);
    const givenUp = new AbortController();
    setTimeout(() => {
      givenUp.abort();
    }, 20);

    const error = await failureOf(client.call({ path: '/x', signal: givenUp.signal, read: all }));

    expect(error.details['reason']).toBe('the call was given up');
    expect(heard).toEqual(['call cancelled']);
  });

  it('ends at once where no time is left', async () => {
    const { client } = await connect([silence]);

    const error = await failureOf(client.call({ path: '/x', timeoutMs: -5, read: all }));

    expect(error.code).toBe('UPSTREAM_TIMEOUT');
  });

  it.each(['things', '/../admin', '/a/%2E%2e/b', '/.', '/a/./b'])(
    'does not leave its base address by %s',
    async (path) => {
      const { client, asked } = await connect([{}]);

      const error = await failureOf(client.call({ path, read: all }));

      expect([error.code, asked]).toEqual(['UPSTREAM_NOT_ALLOWED', []]);
    },
  );

  it('refuses an address with a user name', async () => {
    const { client, asked } = await connect([{}], {}, { baseUrl: 'https://user:s3cret@127.0.0.1/' });

    const error = await failureOf(client.call({ path: '/x', read: all }));

    expect([error.code, asked]).toEqual(['UPSTREAM_NOT_ALLOWED', []]);
    expect(error.message).not.toContain('s3cret');
  });

  it('names no address that is none', async () => {
    await expect(connect([{}], {}, { baseUrl: 's3cret' })).rejects.toThrow('The address of demo is not a web address.');
  });

  it.each<[string, Answer]>([
    ['echoes the request', (request, response) => response.writeHead(400).end(JSON.stringify(request.headers))],
    ['sets a cookie', { status: 500, headers: { 'set-cookie': 'session=s3cret' } }],
    ['redirects with a token', { status: 302, headers: { location: 'https://demo.example/?token=s3cret' } }],
    ['speaks no HTTP', (_request, response) => response.socket?.end('s3cret')],
    ['breaks its JSON', (_request, response) => response.end('{"token": "s3cret"')],
    ['resets', reset],
  ])('keeps secrets out of its error when the upstream %s', async (_what, answer) => {
    stopClock();
    const { client } = await connect([answer]);

    const error = await failureOf(
      client.call({
        path: '/x',
        query: { token: 's3cret' },
        headers: { authorization: 'Bearer s3cret', cookie: 's3cret' },
        read: (body) => (body as { fine: { s3cret: string } }).fine.s3cret,
      }),
    );

    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('s3cret');
  });
});

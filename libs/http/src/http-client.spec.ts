import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import { HttpClient, type HttpClientOptions } from './http-client.js';

const SECRET = 'Basic c2VjcmV0LXRva2Vu';
const servers: Server[] = [];
const clients: HttpClient[] = [];

/** A server that plays the given answers one after the other, the last one for ever. */
async function serverWith(...answers: RequestListener[]): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(`${String(request.method)} ${String(request.url)}`);
    answer?.(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, seen };
}

function clientOf(baseUrl: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  const client = new HttpClient({
    upstream: 'demo',
    baseUrl,
    headers: { authorization: SECRET },
    retryDelaysMs: [1, 1, 1],
    ...options,
  });
  clients.push(client);
  return client;
}

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(code, headers).end('{"errorMessages":["no"]}');
  };

const json =
  (body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

const reset: RequestListener = (_request, response) => {
  response.destroy();
};

const garbage: RequestListener = (_request, response) => {
  response.end('<html>');
};

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

describe('HttpClient', () => {
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('answers parsed JSON and sends the query', async () => {
    const { url, seen } = await serverWith(json({ name: 'Ünïcode' }));

    const reply = await clientOf(`${url}/`).call({ path: '/things', query: { q: 'a b&c', page: 2, none: undefined } });

    expect(reply).toEqual({ status: 200, body: { name: 'Ünïcode' } });
    expect(seen).toEqual(['GET /things?q=a+b%26c&page=2']);
  });

  it('answers null for an empty body', async () => {
    const { url } = await serverWith((_request, response) => {
      response.writeHead(204).end();
    });

    const reply = await clientOf(url).call({ method: 'POST', path: '/x', body: {} });

    expect(reply).toEqual({ status: 204, body: null });
  });

  it.each([
    ['a 500', status(500)],
    ['a 503', status(503)],
    ['a 429', status(429)],
    ['a reset connection', reset],
    ['a reply that is not JSON', garbage],
  ])('tries an idempotent call again after %s', async (_what, bad) => {
    const { url, seen } = await serverWith(bad, bad, json({ fine: true }));

    const reply = await clientOf(url).call({ path: '/x' });

    expect(reply.body).toEqual({ fine: true });
    expect(seen).toHaveLength(3);
  });

  it('gives up after the last pause', async () => {
    const { url, seen } = await serverWith(status(500));

    const error = await failureOf(clientOf(url).call({ path: '/x' }));

    expect([error.code, error.details]).toEqual(['UPSTREAM_FAILED', { upstream: 'demo', status: 500 }]);
    expect(seen).toHaveLength(4);
  });

  it('sends a call that is not idempotent once', async () => {
    const { url, seen } = await serverWith(reset, json({}));

    const error = await failureOf(clientOf(url).call({ method: 'POST', path: '/x', body: {} }));

    expect(error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(seen).toHaveLength(1);
  });

  it('waits as Retry-After says', async () => {
    const { url } = await serverWith(status(429, { 'retry-after': '0.2' }), json({}));
    const started = performance.now();

    await clientOf(url).call({ path: '/x' });

    expect(performance.now() - started).toBeGreaterThanOrEqual(190);
  });

  it('says at once when Retry-After lies behind the deadline', async () => {
    const { url, seen } = await serverWith(status(503, { 'retry-after': '60' }));

    const error = await failureOf(clientOf(url, { timeoutMs: 5_000 }).call({ path: '/x' }));

    expect(error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(error.details).toEqual({ upstream: 'demo', status: 503, retryAfterSeconds: 60 });
    expect(seen).toHaveLength(1);
  });

  it('keeps the deadline when the server never answers', async () => {
    const { url } = await serverWith(() => undefined);

    const error = await failureOf(clientOf(url, { timeoutMs: 80 }).call({ path: '/x' }));

    expect([error.code, error.details['upstream']]).toEqual(['UPSTREAM_TIMEOUT', 'demo']);
  });

  it('keeps the deadline when a body never ends', async () => {
    const { url } = await serverWith((_request, response) => {
      response.writeHead(200).write('{');
    });

    const error = await failureOf(clientOf(url, { timeoutMs: 80 }).call({ path: '/x' }));

    expect(error.code).toBe('UPSTREAM_TIMEOUT');
  });

  it.each([401, 403])('names refused credentials on %i and does not try again', async (code) => {
    const { url, seen } = await serverWith(status(code));

    const error = await failureOf(clientOf(url).call({ path: '/x' }));

    expect([error.code, error.details]).toEqual(['UPSTREAM_REFUSED', { upstream: 'demo', status: code }]);
    expect(seen).toHaveLength(1);
  });

  it('answers a status that the caller expects', async () => {
    const { url } = await serverWith(status(404));

    const reply = await clientOf(url).call({ path: '/x', accept: [404] });

    expect(reply).toEqual({ status: 404, body: { errorMessages: ['no'] } });
  });

  it('follows no redirect', async () => {
    const elsewhere = await serverWith(json({}));
    const { url } = await serverWith(status(302, { location: `${elsewhere.url}/steal` }));

    const error = await failureOf(clientOf(url).call({ path: '/x' }));

    expect(error.details['status']).toBe(302);
    expect(elsewhere.seen).toEqual([]);
  });

  it('refuses a reply that is too large', async () => {
    const { url } = await serverWith(json('x'.repeat(50_000)));

    const error = await failureOf(clientOf(url, { maxResponseBytes: 10_000 }).call({ path: '/x' }));

    expect(error.code).toBe('UPSTREAM_FAILED');
  });

  it('says that a server is not there', async () => {
    const error = await failureOf(clientOf('http://127.0.0.1:1').call({ path: '/x' }));

    expect([error.code, error.details]).toEqual(['UPSTREAM_UNAVAILABLE', { upstream: 'demo', status: null }]);
  });

  it('gives up when the caller does', async () => {
    const { url } = await serverWith(() => undefined);
    const giveUp = new AbortController();
    setTimeout(() => {
      giveUp.abort();
    }, 20);

    const error = await failureOf(clientOf(url).call({ path: '/x', signal: giveUp.signal }));

    expect(error.code).toBe('UPSTREAM_TIMEOUT');
  });

  it('keeps secrets out of its errors', async () => {
    const { url } = await serverWith((request, response) => {
      response.writeHead(400).end(JSON.stringify({ echo: request.headers }));
    });

    const error = await failureOf(clientOf(url).call({ method: 'POST', path: '/x', body: {} }));

    const shown = JSON.stringify([error.message, error.details, error.stack, (error.cause as Error).stack]);
    expect(shown).not.toContain(SECRET.slice(6));
  });
});

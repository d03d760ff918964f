import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

/** A request as the stub saw it. */
export interface StubRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed where it is JSON, else text; undefined without a body. */
  body: unknown;
}

/** What the stub answers. */
export interface StubReply {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: unknown;
  /** Milliseconds before the answer. */
  delayMs?: number;
  /** Ends the connection without an answer. */
  hangUp?: boolean;
}

/** One request that is expected. */
export interface Expectation {
  method: string;
  path: string;
  /** Compared completely where given; so is `body`. */
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: unknown;
  /** How often it may come. Default 1. */
  times?: number;
  reply: StubReply | ((request: StubRequest) => StubReply);
}

/** A strict stand-in for an external system: an unexpected request fails the test, and so does one that never came. */
export interface HttpStub {
  url: string;
  expect: (expectation: Expectation) => void;
  /** All requests so far. */
  requests: StubRequest[];
  /** Throws when a request was unexpected, or an expected one is missing. With verifyAfterEach it is called after each test. */
  verify: () => void;
  stop: () => Promise<void>;
}

/** Starts a stub on a free port of 127.0.0.1. Call it at the top level of a `describe` or in `beforeAll`. */
export async function startHttpStub(): Promise<HttpStub> {
  let open: (Expectation & { left: number })[] = [];
  let unexpected: string[] = [];
  const requests: StubRequest[] = [];

  const answer = (request: StubRequest): StubReply => {
    requests.push(request);
    const expected = open.find((candidate) => candidate.left > 0 && matches(candidate, request));
    if (!expected) {
      const { method, path, query, body } = request;
      unexpected.push(`${method} ${path} ${JSON.stringify({ query, body })}`);
      return { status: 501, body: { error: 'The stub does not expect this request.' } };
    }
    expected.left -= 1;
    return typeof expected.reply === 'function' ? expected.reply(request) : expected.reply;
  };

  const server = createServer((incoming, response) => {
    void readRequest(incoming).then((request) => {
      const { status = 200, headers = {}, body, delayMs = 0, hangUp = false } = answer(request);
      const json = typeof body === 'object';
      setTimeout(() => {
        if (hangUp) return incoming.socket.destroy();
        response.writeHead(status, { ...(json ? { 'content-type': 'application/json' } : {}), ...headers });
        return response.end(json ? JSON.stringify(body) : (body as string | undefined));
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    expect: (expectation) => {
      open.push({ ...expectation, left: expectation.times ?? 1 });
    },
    verify: () => {
      const missing = open
        .filter(({ left }) => left > 0)
        .map(({ method, path, left }) => `${method} ${path} (${left} ×)`);
      const faults = [
        ...unexpected.map((request) => `unexpected: ${request}`),
        ...missing.map((request) => `never came: ${request}`),
      ];
      [open, unexpected] = [[], []];
      requests.length = 0;
      if (faults.length > 0) throw new Error(`The HTTP stub's expectations were not met:\n  ${faults.join('\n  ')}`);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function matches(expected: Expectation, request: StubRequest): boolean {
  const headers = Object.entries(expected.headers ?? {});
  return (
    expected.method === request.method &&
    expected.path === request.path &&
    (expected.query === undefined || isDeepStrictEqual(expected.query, request.query)) &&
    (expected.body === undefined || isDeepStrictEqual(expected.body, request.body)) &&
    headers.every(([name, value]) => request.headers[name.toLowerCase()] === value)
  );
}

async function readRequest(incoming: IncomingMessage): Promise<StubRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const url = new URL(incoming.url ?? '/', 'http://stub');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: incoming.headers,
    body: text === '' ? undefined : parsed(text),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

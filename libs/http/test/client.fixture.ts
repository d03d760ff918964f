import { afterEach, jest } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import {
  HttpClient,
  type HttpClientOptions,
  type HttpObserver,
  type UpstreamSettings,
  upstreamSettings,
} from '../src/index.js';
import { httpServer, type TestServer } from './misbehaving-servers.js';

/** What an answer is, or a function that answers. */
export type Answer = { status?: number; headers?: Record<string, string>; body?: unknown } | Listener;
type Listener = Parameters<typeof httpServer>[0];

/** A client of a server that plays its answers one after the other, the last one for ever. */
export interface Fixture {
  client: HttpClient;
  /** Its own: a change of them is a reload. */
  settings: UpstreamSettings;
  server: TestServer;
  /** `METHOD path` of what the server was asked, with the headers. */
  asked: { line: string; headers: Record<string, unknown> }[];
  /** Milliseconds of each wait; they pass at once, on the clock too. */
  waits: number[];
  /** What the observer heard, as `event outcome`. */
  heard: string[];
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  jest.useRealTimers();
  for (const close of closers.splice(0)) await close();
});

/** A clock that only the waits of the client, and `pass`, move. */
export function stopClock(): void {
  jest.useFakeTimers({
    now: Date.parse('2026-01-17T12:00:00Z'),
    doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate']
      .concat(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'])
      .map((name) => name as 'hrtime'),
  });
}

/** Moves the stopped clock. */
export function pass(ms: number): void {
  jest.setSystemTime(Date.now() + ms);
}

export async function connect(
  answers: Answer[],
  settings: Partial<UpstreamSettings> = {},
  options: Partial<HttpClientOptions> = {},
): Promise<Fixture> {
  const [asked, waits, heard]: [Fixture['asked'], number[], string[]] = [[], [], []];
  const server = await httpServer((request, response, number, self) => {
    asked.push({ line: `${String(request.method)} ${String(request.url)}`, headers: request.headers });
    const answer = answers[Math.min(number, answers.length - 1)] ?? {};
    if (typeof answer === 'function') {
      answer(request, response, number, self);
      return;
    }
    const { status = 200, headers, body = {} } = answer;
    response.writeHead(status, headers).end(status === 204 ? undefined : JSON.stringify(body));
  });
  closers.push(() => server.stop());
  const all = Object.assign(new (upstreamSettings('demo'))(), { privateHosts: ['127.0.0.1'] }, settings);
  const client = new HttpClient({
    upstream: 'demo',
    baseUrl: `${server.url}/api/`,
    settings: all,
    observer: hearing(heard),
    log: { warn: ({ from, to }, text) => heard.push(`warning: ${text} from ${String(from)} to ${String(to)}`) },
    sleep: async (ms) => {
      waits.push(ms);
      pass(ms);
    },
    ...options,
  });
  closers.unshift(() => client.close());
  return { client, settings: all, server, asked, waits, heard };
}

/** The AppError that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error: unknown = await call.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`Expected an AppError, got ${String(error)}`);
  return error;
}

/** Takes everything. */
export const all = (body: unknown): unknown => body;

function hearing(heard: string[]): HttpObserver {
  return {
    callEnded: ({ outcome }) => heard.push(`call ${outcome}`),
    retried: ({ outcome }) => heard.push(`retry after ${outcome}`),
    rateLimited: ({ by }) => heard.push(`limited by ${by}`),
    breakerUsed: ({ outcome }) => heard.push(`breaker ${outcome}`),
    breakerChanged: ({ from, to }) => heard.push(`breaker ${from} to ${to}`),
  };
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@qa-pms/database/embedded';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Process } from '../e2e/system.js';
import { type LoadRequest, type LoadResult, measure, median, SECONDS, warmUp } from './load.js';
import { NOTE, NOTE_ID } from './note.js';
import { rounded, type Row } from './rows.js';

const SERVICE = ['--import', './tools/typescript-hooks.js', 'tests/bench/cost-service.ts'];
const NOTES = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(NOTE) };
const EMPTY = { method: 'GET', headers: {} };
/** Processes of everybody: the same code took 1.20 to 1.58 × bare Fastify's time from one process to the next. */
const LAUNCHES = 3;
/** Of each launch. Everybody's turns alternate: the machine's speed changes within minutes. */
const ROUNDS = 3;
/**
 * Of each connection between two requests: 4,500 to 5,000 of all come in a second, and the servers are not at their limit.
 * Flat out each is measured at a rate of its own, and costs other than its work differ: bare Fastify keeps the load
 * generator so busy that it need not be woken for an answer. A handler of its that spins for 60 µs added 100 µs.
 */
const PAUSE_MS = 9;

interface Contestant {
  what: string;
  start: () => Promise<Process>;
  request: LoadRequest;
  /** One of each round. */
  flatOut: LoadResult[];
  paced: LoadResult[];
}

/** What the edge of a service costs, with each of its parts, beside the same routes on bare Fastify with ajv. */
export async function measureCost(): Promise<Row[]> {
  const collector = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const collected = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(port)}` };
  const { key, token } = await signed();
  const started = (args: string[], environment: Record<string, string>) => async (): Promise<Process> => {
    const bound = String(await freePort());
    const settings = { PORT: bound, ENCRYPTION_KEY: 'ab'.repeat(32), ...environment };
    return new Process(`http://127.0.0.1:${bound}`, args, settings).ready();
  };
  const posted = { ...NOTES, path: `/notes/${NOTE_ID}` };
  const signedIn = {
    ...NOTES,
    path: `/api/v1${posted.path}`,
    headers: { ...NOTES.headers, authorization: `Bearer ${token}` },
  };
  const bare = started(['tests/bench/bare-fastify.js'], {});
  const plain = started(SERVICE, {});
  const sampled = started(SERVICE, { ...collected, TRACE_SAMPLE_RATIO: '0.1' });
  const traced = started(SERVICE, { ...collected, TRACE_SAMPLE_RATIO: '1' });
  const whole = started(SERVICE, { BENCH_KEY: key });
  try {
    return [
      ...(await compare([
        contestant('bare Fastify: empty route', bare, { ...EMPTY, path: '/empty' }),
        contestant("the gateway's empty route: ids and security headers, no log line", whole, {
          ...EMPTY,
          path: '/health/live',
        }),
      ])),
      ...(await compare([
        contestant('bare Fastify with ajv: POST of a note', bare, posted),
        contestant('request id, log, metrics, validation', plain, posted),
        contestant('the same, traced with ratio 0.1', sampled, posted),
        contestant('the same, all traced', traced, posted),
        contestant("the gateway's whole edge: with token, permission, headers", whole, signedIn),
      ])),
    ];
  } finally {
    collector.close();
  }
}

function contestant(what: string, start: Contestant['start'], request: LoadRequest): Contestant {
  return { what, start, request, flatOut: [], paced: [] };
}

/** Medians of all rounds; the first contestant is what the others are measured by. */
async function compare(contestants: Contestant[]): Promise<Row[]> {
  for (let launch = 0; launch < LAUNCHES; launch += 1) {
    const running: { process: Process; contestant: Contestant }[] = [];
    try {
      for (const one of contestants) running.push({ process: await one.start(), contestant: one });
      await compete(running);
    } finally {
      await Promise.all(running.map(({ process }) => process.stop()));
    }
  }
  const [bare] = contestants as [Contestant];
  return contestants.map(({ what, flatOut, paced }) => {
    const slow = median(paced, 'cpuMicros');
    return {
      what,
      ...rounded(median(flatOut, 'cpuMicros'), median(bare.flatOut, 'cpuMicros').cpuMicros),
      'paced: req/s': Math.round(slow.perSecond),
      'paced: CPU µs': Math.round(slow.cpuMicros),
      'paced: × bare': Math.round((slow.cpuMicros / median(bare.paced, 'cpuMicros').cpuMicros) * 100) / 100,
    };
  });
}

/** The rounds of one launch. */
async function compete(running: { process: Process; contestant: Contestant }[]): Promise<void> {
  for (const { process, contestant } of running) await warmUp(process.url, { first: [contestant.request] });
  for (let round = 0; round < ROUNDS; round += 1)
    for (const { process, contestant } of running) {
      const seconds = Math.ceil(SECONDS / LAUNCHES / ROUNDS);
      const turn = { url: process.url, load: { first: [contestant.request] }, seconds };
      for (const [results, pauseMs] of [[contestant.flatOut, 0] as const, [contestant.paced, PAUSE_MS] as const]) {
        const result = await measure({ ...turn, pauseMs }, [process.pid]);
        if (result.errors > 0)
          throw new Error(
            `${contestant.what}: ${String(result.errors)} answers other than 2xx:\n${process.output.slice(-2_000)}`,
          );
        results.push(result);
      }
    }
}

/** A token, and the key that it is verified with. */
async function signed(): Promise<{ key: string; token: string }> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const token = await new SignJWT({ jti: NOTE_ID })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer('qa-pms')
    .setAudience('qa-pms')
    .setSubject(NOTE_ID)
    .setIssuedAt()
    .setNotBefore('0s')
    // Longer than a run with `SECONDS=30` takes.
    .setExpirationTime('1h')
    .sign(privateKey);
  return { key: JSON.stringify({ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }), token };
}

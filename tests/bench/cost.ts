import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@qa-pms/database/embedded';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Process } from '../e2e/system.js';
import { type LoadRequest, type LoadResult, measure, SECONDS, warmUp } from './load.js';
import { NOTE, NOTE_ID } from './note.js';
import { rounded, type Row } from './rows.js';

const SERVICE = ['--import', './tools/typescript-hooks.js', 'tests/bench/cost-service.ts'];
const NOTES = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(NOTE) };
const EMPTY = { method: 'GET', headers: {} };
/** Everybody's turns alternate: the machine's speed changes within minutes. */
const ROUNDS = 5;
/**
 * Of each connection between two requests: 4,500 to 5,000 of all come in a second, and the servers are not at their limit.
 * Flat out each is measured at a rate of its own, and costs other than its work differ: bare Fastify keeps the load
 * generator so busy that it need not be woken for an answer. A handler of its that spins for 60 µs added 100 µs.
 */
const PAUSE_MS = 9;

interface Contestant {
  what: string;
  process: Process;
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
  const processes: Process[] = [];
  const start = async (args: string[], environment: Record<string, string>): Promise<Process> => {
    const bound = String(await freePort());
    const settings = { PORT: bound, ENCRYPTION_KEY: 'ab'.repeat(32), ...environment };
    const process = await new Process(`http://127.0.0.1:${bound}`, args, settings).ready();
    processes.push(process);
    return process;
  };
  const posted = { ...NOTES, path: `/notes/${NOTE_ID}` };
  const signedIn = {
    ...NOTES,
    path: `/api/v1${posted.path}`,
    headers: { ...NOTES.headers, authorization: `Bearer ${token}` },
  };
  try {
    const bare = await start(['tests/bench/bare-fastify.js'], {});
    const plain = await start(SERVICE, {});
    const sampled = await start(SERVICE, { ...collected, TRACE_SAMPLE_RATIO: '0.1' });
    const traced = await start(SERVICE, { ...collected, TRACE_SAMPLE_RATIO: '1' });
    const whole = await start(SERVICE, { BENCH_KEY: key });
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
    await Promise.all(processes.map((process) => process.stop()));
    collector.close();
  }
}

function contestant(what: string, process: Process, request: LoadRequest): Contestant {
  return { what, process, request, flatOut: [], paced: [] };
}

/** Medians of all rounds; the first contestant is what the others are measured by. */
async function compare(contestants: Contestant[]): Promise<Row[]> {
  for (const { process, request } of contestants) await warmUp(process.url, [request]);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const { process, request, flatOut, paced } of contestants) {
      const turn = { url: process.url, requests: [request], seconds: Math.ceil(SECONDS / ROUNDS) };
      flatOut.push(await measure({ ...turn, pauseMs: 0 }, [process.pid]));
      paced.push(await measure({ ...turn, pauseMs: PAUSE_MS }, [process.pid]));
    }
  const [bare] = contestants as [Contestant];
  return contestants.map(({ what, process, flatOut, paced }) => {
    const errors = [...flatOut, ...paced].reduce((sum, result) => sum + result.errors, 0);
    if (errors > 0)
      throw new Error(`${what}: ${String(errors)} answers other than 2xx:\n${process.output.slice(-2_000)}`);
    const slow = median(paced);
    return {
      what,
      ...rounded(median(flatOut), median(bare.flatOut).cpuMicros),
      'paced: req/s': Math.round(slow.perSecond),
      'paced: CPU µs': Math.round(slow.cpuMicros),
      'paced: × bare': Math.round((slow.cpuMicros / median(bare.paced).cpuMicros) * 100) / 100,
    };
  });
}

function median(results: LoadResult[]): LoadResult {
  const [middle] = [...results].sort((a, b) => a.cpuMicros - b.cpuMicros).slice(results.length >> 1) as [LoadResult];
  return middle;
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

import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';

/** One request of a load; they are sent in turn. */
export interface LoadRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface LoadResult {
  /** Successful answers a second. */
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  p99: number;
  /** Answers other than 2xx, and none. */
  errors: number;
  /** Microseconds of processor time that the measured processes spent on each request. */
  cpuMicros: number;
}

const CONNECTIONS = 50;
/** Of a turn of the warm-up, which has as many as make it faster: the broker's compiler was seen to need 20 s. */
const WARM_UP_SECONDS = 4;
const WARM_UP_TURNS = 8;
/** Growth of the rate that counts; less is noise. */
const FASTER = 1.03;
/** Of each measurement; `SECONDS=30 npm run bench`. */
export const SECONDS = Number(process.env['SECONDS'] ?? 10);

/** Debian's `wrk` where it is there: it costs a tenth of the processor time of autocannon, which shares our cores. */
export const GENERATOR = spawnSync('wrk', ['--version']).error === undefined ? 'wrk' : 'autocannon';

/** Sends requests over 50 connections, each when the one before was answered. */
export async function load(url: string, pids: number[], requests: LoadRequest[]): Promise<LoadResult> {
  await warmUp(url, requests);
  return measure({ url, requests, seconds: SECONDS, pauseMs: 0 }, pids);
}

/** The same without a warm-up; between an answer and the next request a connection waits for `pauseMs`. */
export async function measure(turn: Turn, pids: number[]): Promise<LoadResult> {
  const before = cpuMillis(pids);
  const { total, ...result } = await run(turn);
  return { ...result, cpuMicros: ((cpuMillis(pids) - before) * 1_000) / total };
}

/** The result in the middle, by one of its figures. */
export function median(results: LoadResult[], by: 'perSecond' | 'cpuMicros'): LoadResult {
  const [middle] = [...results].sort((a, b) => a[by] - b[by]).slice(results.length >> 1) as [LoadResult];
  return middle;
}

/** Until two turns in a row are no faster than the best before. */
export async function warmUp(url: string, requests: LoadRequest[]): Promise<void> {
  let [best, slower] = [0, 0];
  for (let count = 0; count < WARM_UP_TURNS && slower < 2; count += 1) {
    const { total } = await run({ url, requests, seconds: WARM_UP_SECONDS, pauseMs: 0 });
    slower = total > best * FASTER ? 0 : slower + 1;
    best = Math.max(best, total);
  }
}

/** Of a load. */
interface Turn {
  url: string;
  /** Sent in turn. */
  requests: LoadRequest[];
  seconds: number;
  /** Milliseconds that a connection waits after each answer. */
  pauseMs: number;
}
type Timings = Omit<LoadResult, 'cpuMicros'> & { total: number };

const run = (turn: Turn): Promise<Timings> => (GENERATOR === 'wrk' ? wrk(turn) : cannon(turn));

async function wrk({ url, requests, seconds, pauseMs }: Turn): Promise<Timings> {
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-wrk-'));
  const script = join(folder, 'load.lua');
  await writeFile(script, luaOf(requests, pauseMs));
  const args = ['-t1', `-c${String(CONNECTIONS)}`, `-d${String(seconds)}s`, '--timeout', '15s', '-s', script, url];
  const { stdout } = await promisify(execFile)('wrk', args);
  await rm(folder, { recursive: true });
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as Timings;
}

/** A Lua string in quotes takes the escapes of JSON that our requests have. */
function luaOf(requests: LoadRequest[], pauseMs: number): string {
  const pairs = (headers: Record<string, string>) =>
    Object.entries(headers).map(([name, value]) => `[${JSON.stringify(name)}]=${JSON.stringify(value)}`);
  const calls = requests.map(
    ({ method, path, headers, body }) =>
      `wrk.format("${method}", ${JSON.stringify(path)}, {${pairs(headers).join(', ')}}, ${body ? JSON.stringify(body) : 'nil'})`,
  );
  return `
local requests, turn = {}, 0
init = function() requests = {${calls.join(',\n')}} end
request = function() turn = turn % #requests + 1; return requests[turn] end
${pauseMs > 0 ? `delay = function() return ${String(pauseMs)} end` : ''}
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format('{"total": %d, "perSecond": %f, "p50": %f, "p95": %f, "p99": %f, "errors": %d}',
    summary.requests, (summary.requests - failed) * 1e6 / summary.duration,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000, failed))
end
`;
}

async function cannon({ url, requests, seconds, pauseMs }: Turn): Promise<Timings> {
  // Nearly as many as wrk makes with the pause and the time of an answer.
  const overallRate = pauseMs > 0 ? { overallRate: Math.round((CONNECTIONS * 1_000) / (pauseMs + 1)) } : {};
  const options = { url, connections: CONNECTIONS, duration: seconds, timeout: 15, ...overallRate };
  const { latency, ...result } = await autocannon({ ...options, requests: requests as autocannon.Request[] });
  return {
    total: result.requests.total,
    perSecond: result['2xx'] / result.duration,
    p50: latency.p50,
    // autocannon knows no P95.
    p95: latency.p97_5,
    p99: latency.p99,
    errors: result.errors + result.non2xx,
  };
}

/** User and system time of processes (proc(5): ticks of 10 ms). */
function cpuMillis(pids: number[]): number {
  const ticks = pids.map((pid) => {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) * 10;
}

/** Memory of a process and its children in MB. */
export function megabytes(pid: number): number {
  // Of the children what they do not share: each process of PostgreSQL would count its shared buffers again.
  const kilobytes = memoryOf(pid, 'Rss') + descendants(pid).reduce((sum, child) => sum + memoryOf(child, 'Pss'), 0);
  return Math.round(kilobytes / 1_024);
}

function memoryOf(pid: number, kind: 'Rss' | 'Pss'): number {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
}

function descendants(pid: number): number[] {
  const threads = readdirSync(`/proc/${String(pid)}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${String(pid)}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  );
  return [...children, ...children.flatMap(descendants)];
}

import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';

export interface LoadRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** What each of the connections sends, again and again. */
export interface Load {
  /** Each connection sends one of them; with `then`, each its own. */
  first: LoadRequest[];
  /** What it sends after each of these, if anything; `{id}` in a path is the `id` of the answer to the first. */
  then?: Omit<LoadRequest, 'headers'>[];
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
export async function measureAfterWarmUp(url: string, pids: number[], load: Load): Promise<LoadResult> {
  await warmUp(url, load);
  return measure({ url, load, seconds: SECONDS, pauseMs: 0 }, pids);
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
export async function warmUp(url: string, load: Load): Promise<void> {
  let [best, slower] = [0, 0];
  for (let count = 0; count < WARM_UP_TURNS && slower < 2; count += 1) {
    const { total } = await run({ url, load, seconds: WARM_UP_SECONDS, pauseMs: 0 });
    slower = total > best * FASTER ? 0 : slower + 1;
    best = Math.max(best, total);
  }
}

interface Turn {
  url: string;
  load: Load;
  seconds: number;
  /** Milliseconds that a connection waits after each answer. */
  pauseMs: number;
}
type Timings = Omit<LoadResult, 'cpuMicros'> & { total: number };

const run = (turn: Turn): Promise<Timings> => (GENERATOR === 'wrk' ? wrk(turn) : cannon(turn));

async function wrk({ url, load, seconds, pauseMs }: Turn): Promise<Timings> {
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-wrk-'));
  const script = join(folder, 'load.lua');
  await writeFile(script, luaOf(load, pauseMs));
  if (!load.then && load.first.length > 1) throw new Error('Without `then` wrk sends one request.');
  // A thread has one state for all of its connections: whoever remembers an answer has one of its own.
  const threads = load.then ? CONNECTIONS : 1;
  const way = [`-t${String(threads)}`, `-c${String(CONNECTIONS)}`, `-d${String(seconds)}s`, '--timeout', '15s'];
  const { stdout } = await promisify(execFile)('wrk', [...way, '-s', script, url]);
  await rm(folder, { recursive: true });
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as Timings;
}

const REMEMBER = `response = function(status, headers, body)
  if isFirst and status < 300 then id = body:match('"id":"([^"]+)"') end
end`;

/** A Lua string in quotes takes the escapes of JSON that our requests have. */
function luaOf({ first, then }: Load, pauseMs: number): string {
  const quoted = JSON.stringify;
  const tableOf = (headers: Record<string, string>): string =>
    `{${Object.entries(headers)
      .map(([name, value]) => `[${quoted(name)}]=${quoted(value)}`)
      .join(', ')}}`;
  const bodyOf = (body: string | undefined): string => (body === undefined ? 'nil' : quoted(body));
  const calls = first.map(
    ({ method, path, headers, body }) => `{"${method}", ${quoted(path)}, ${tableOf(headers)}, ${bodyOf(body)}}`,
  );
  const later = (then ?? []).map(({ method, path, body }) => `{"${method}", ${quoted(path)}, ${bodyOf(body)}}`);
  return `
local threads, own, text, id, isFirst, step = 0, nil, nil, nil, false, 0
local later = {${later.join(',\n')}}
setup = function(thread) thread:set("place", threads); threads = threads + 1 end
init = function()
  local calls = {${calls.join(',\n')}}
  own = calls[place % #calls + 1]
  text = wrk.format(own[1], own[2], own[3], own[4])
end
request = function()
  isFirst = id == nil
  if isFirst then return text end
  step = step + 1
  local method, path, body = unpack(later[step], 1, 3)
  local filled = path:gsub("{id}", id)
  if step == #later then id, step = nil, 0 end
  return wrk.format(method, filled, own[3], body)
end
${then ? REMEMBER : ''}
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

async function cannon({ url, load, seconds, pauseMs }: Turn): Promise<Timings> {
  // Nearly as many as wrk makes with the pause and the time of an answer.
  const overallRate = pauseMs > 0 ? { overallRate: Math.round((CONNECTIONS * 1_000) / (pauseMs + 1)) } : {};
  const options = { url, connections: CONNECTIONS, duration: seconds, timeout: 15, ...overallRate };
  let place = 0;
  const setupClient = (client: autocannon.Client): void => {
    client.setRequests(requestsOf(load, place));
    place += 1;
  };
  const { latency, ...result } = await autocannon({ ...options, setupClient });
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

/** What one connection of autocannon sends. */
function requestsOf({ first, then = [] }: Load, place: number): autocannon.Request[] {
  const own = first[place % first.length]!;
  let id = '';
  const onResponse = (_status: number, body: string): void => {
    id = /"id":"([^"]+)"/.exec(body)?.[1] ?? '';
  };
  const later = then.map((request) => ({
    ...request,
    headers: own.headers,
    setupRequest: (given: autocannon.Request) => ({ ...given, path: request.path.replace('{id}', id) }),
  }));
  return [{ ...own, ...(later.length > 0 && { onResponse }) }, ...later] as autocannon.Request[];
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

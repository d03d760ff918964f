// Measures the hot path beside bare Fastify in one run: `npm run bench` (SECONDS=10). Figures of one machine and one moment:
// compare ratios, not seconds. RATE_LIMIT_* need no raising: there is no limiter yet.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';

const SECONDS = Number(process.env.SECONDS ?? 10);
const CONNECTIONS = 50;
const root = join(import.meta.dirname, '../..');
const dataDir = mkdtempSync(join(tmpdir(), 'qa-pms-bench-'));

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function start(args, port, environment) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, PORT: String(port), LOG_LEVEL: 'warn', ...environment },
    stdio: 'ignore',
  });
  const started = performance.now();
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null);
    if (answer?.ok) return { child, readyMs: Math.round(performance.now() - started) };
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended`);
    await sleep(20);
  }
}

/** User and system CPU of a process in milliseconds (proc(5): ticks of 10 ms). */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function load(name, pid, options) {
  await autocannon({ connections: CONNECTIONS, duration: 2, ...options });
  const before = cpuMs(pid);
  const result = await autocannon({ connections: CONNECTIONS, duration: SECONDS, ...options });
  const cpu = ((cpuMs(pid) - before) * 1000) / result.requests.total;
  const row = {
    name,
    'req/s': Math.round(result.requests.average),
    'p50 ms': result.latency.p50,
    'p95 ms': result.latency.p97_5,
    'p99 ms': result.latency.p99,
    'CPU µs/req': Math.round(cpu),
    errors: result.errors + result.non2xx,
  };
  console.log(JSON.stringify(row));
  return row;
}

const rows = [];
try {
  const barePort = await freePort();
  const bare = await start([join(import.meta.dirname, 'bare-fastify.js')], barePort, {});
  rows.push(await load('bare Fastify', bare.child.pid, { url: `http://127.0.0.1:${barePort}/workflow` }));
  bare.child.kill();

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const product = await start(['apps/cli/bin/qa-pms.js', 'serve'], port, { DATA_DIR: dataDir });
  console.log(`all-in-one ready after ${product.readyMs} ms`);
  const login = { username: 'qa', password: await passwordOf('qa') };
  const call = async (path, body, token) =>
    (
      await fetch(`${url}/api/v1${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        ...(body && { body: JSON.stringify(body) }),
      })
    ).json();
  let accessToken;
  // Ready comes before the demo users are there.
  while (!accessToken) {
    ({ accessToken } = await call('/auth/login', login));
    await sleep(200);
  }
  let ticketKey;
  while (!ticketKey) {
    ticketKey = (await call('/tickets', null, accessToken)).data?.[0]?.key;
    await sleep(100);
  }
  const { id } = await call('/workflows', { ticketKey }, accessToken);
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  rows.push(await load('empty route (no service behind)', product.child.pid, { url: `${url}/health/live` }));
  rows.push(await load('GET /workflows/{id}', product.child.pid, { url: `${url}/api/v1/workflows/${id}`, headers }));
  rows.push(
    await load('PATCH a step (one row for all)', product.child.pid, {
      url: `${url}/api/v1/workflows/${id}/steps/0`,
      method: 'PATCH',
      headers,
      body: JSON.stringify({ notes: 'n' }),
    }),
  );
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${product.child.pid}/status`, 'utf8'))[1]) / 1024;
  console.log(`all-in-one resident memory ${Math.round(rss)} MB (without PostgreSQL)`);
  product.child.kill();
  await new Promise((resolve) => product.child.once('exit', resolve));
  console.table(rows);
  for (const row of rows.slice(1))
    console.log(`${row.name}: CPU ${(row['CPU µs/req'] / rows[0]['CPU µs/req']).toFixed(1)} × bare Fastify`);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function passwordOf(username) {
  for (;;) {
    try {
      return JSON.parse(readFileSync(join(dataDir, 'demo-users.json'), 'utf8')).find((one) => one.username === username)
        .password;
    } catch {
      await sleep(50);
    }
  }
}

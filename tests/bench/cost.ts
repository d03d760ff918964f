import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@qa-pms/database/embedded';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Process } from '../e2e/system.js';
import { load, type LoadResult } from './load.js';
import { NOTE, NOTE_ID } from './note.js';
import { rounded, type Row } from './rows.js';

const TYPESCRIPT = ['--import', './tools/typescript-hooks.js'];
const PLAIN = { 'content-type': 'application/json' };

/** What request id, log line, metrics, validation and traces cost, beside the same route on bare Fastify with ajv. */
export async function measureCost(): Promise<Row[]> {
  const bare = await measure(['tests/bench/bare-fastify.js'], {}, '/notes/');
  const rows: Row[] = [{ what: 'bare Fastify with ajv: POST of a note', ...rounded(bare, bare.cpuMicros) }];
  const collector = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const collected = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(port)}` };
  for (const [what, environment] of [
    ['request id, log, metrics, validation', {}],
    ['the same, traced with ratio 0.1', { ...collected, TRACE_SAMPLE_RATIO: '0.1' }],
    ['the same, all traced', { ...collected, TRACE_SAMPLE_RATIO: '1' }],
  ] as [string, Record<string, string>][]) {
    const result = await measure([...TYPESCRIPT, 'tests/bench/cost-service.ts'], environment, '/notes/');
    rows.push({ what, ...rounded(result, bare.cpuMicros) });
  }
  collector.close();
  const { key, token } = await signed();
  const whole = await measure([...TYPESCRIPT, 'tests/bench/cost-service.ts'], { BENCH_KEY: key }, '/api/v1/notes/', {
    authorization: `Bearer ${token}`,
  });
  rows.push({ what: "the gateway's whole edge: with token, permission, headers", ...rounded(whole, bare.cpuMicros) });
  return rows;
}

async function measure(
  args: string[],
  environment: Record<string, string>,
  path: string,
  headers: Record<string, string> = {},
): Promise<LoadResult> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const settings = { PORT: port, ENCRYPTION_KEY: 'ab'.repeat(32), ...environment };
  const service = await new Process(url, args, settings).ready();
  const request = {
    method: 'POST',
    path: path + NOTE_ID,
    headers: { ...PLAIN, ...headers },
    body: JSON.stringify(NOTE),
  };
  const result = await load(url, [service.pid], [request]).finally(() => service.stop());
  if (result.errors > 0)
    throw new Error(`${String(result.errors)} answers other than 2xx:\n${service.output.slice(-2_000)}`);
  return result;
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
    .setExpirationTime('10m')
    .sign(privateKey);
  return { key: JSON.stringify({ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }), token };
}

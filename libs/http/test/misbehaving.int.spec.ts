import { afterAll, describe, expect, it } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import { makeAuthority, selfSigned } from '@qa-pms/testing/certificates';
import type { TlsOptions } from 'node:tls';
import { HttpClient, type HttpClientOptions, type UpstreamSettings, upstreamSettings } from '../src/index.js';
import {
  drip,
  emptyMembers,
  endless,
  gzipBomb,
  httpServer,
  httpsServer,
  nobody,
  rawServer,
  type TestServer,
} from './misbehaving-servers.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** Name that servers with certificates go by. */
const HOST = 'jira.test';
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

type Resolve = NonNullable<HttpClientOptions['resolve']>;

/** What is called in another way than the server's own address, and with other settings. */
interface Differently {
  settings?: Partial<UpstreamSettings>;
  host?: string;
  protocol?: string;
  resolve?: Resolve;
  ca?: string;
}

/** What the server does, how a call ends, what its error says, how often the server was asked. */
type Row = [server: string, start: () => Promise<TestServer>, code: string, says: RegExp, tries: number, Differently?];

const authority = await makeAuthority();
const elsewhere = await httpServer((_request, response) => response.end('{"fine": true}'));

const answer =
  (status: number, headers: Record<string, string> = {}, body: string | Buffer = '{}') =>
  (): Promise<TestServer> =>
    httpServer((_request, response) => response.writeHead(status, headers).end(body));
const body = (text: string | Buffer, headers: Record<string, string> = {}) => answer(200, headers, text);
const raw =
  (...args: Parameters<typeof rawServer>) =>
  () =>
    rawServer(...args);
const signed =
  (hosts: string[], options: TlsOptions & { validUntil?: Date; by?: typeof authority } = {}) =>
  async () => {
    const { validUntil, by = authority, ...tls } = options;
    return httpsServer({ ...(await by.issue({ hosts, ...(validUntil && { validUntil }) })), ...tls });
  };
const to =
  (...addresses: string[]): Resolve =>
  (_name, done) => {
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };

const fine = body('{"fine": true}');
// A busy machine is connected by then, too.
const soon: Differently = { settings: { timeoutMs: 600, connectTimeoutMs: 600 } };
const tls: Differently = { host: HOST, settings: { privateHosts: [HOST] }, ca: authority.ca, resolve: to('127.0.0.1') };
const outside: Differently = { host: HOST, protocol: 'https', settings: { privateHosts: [] } };
const oldTls: TlsOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };

// prettier-ignore
const ROWS: Row[] = [
  ['accepts, and says nothing', raw('', 'stall'), 'UPSTREAM_TIMEOUT', /in time/, 1, soon],
  ['stalls in the middle of a header', raw('HTTP/1.1 200 OK\r\nContent-Ty', 'stall'), 'UPSTREAM_TIMEOUT', /in time/, 1, soon],
  ['stalls in the middle of the body', raw(`${HEAD}Content-Length: 9\r\n\r\n{"a`, 'stall'), 'UPSTREAM_TIMEOUT', /in time/, 1, soon],
  ['sends a byte at a time, for ever', drip, 'UPSTREAM_TIMEOUT', /in time/, 1, soon],

  ['is not there', nobody, 'UPSTREAM_UNAVAILABLE', /nothing listens/, 0],
  ['resets at once', raw('', 'reset'), 'UPSTREAM_UNAVAILABLE', /broke/, 4],
  ['resets in the middle of a header', raw('HTTP/1.1 200 OK\r\nContent-Ty', 'reset'), 'UPSTREAM_UNAVAILABLE', /broke/, 4],
  ['resets in the middle of the body', raw(`${HEAD}Content-Length: 9\r\n\r\n{"a`, 'reset'), 'UPSTREAM_UNAVAILABLE', /broke/, 4],
  ['closes before the end of the body', raw(`${HEAD}Content-Length: 9\r\n\r\n{"a`, 'close'), 'UPSTREAM_UNAVAILABLE', /broke/, 4],

  ['speaks no HTTP', raw('220 smtp.example.com ESMTP\r\n', 'close'), 'UPSTREAM_FAILED', /not HTTP/, 4],
  ['gives two lengths', raw(`${HEAD}Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}`, 'close'), 'UPSTREAM_FAILED', /not as long/, 4],
  ['sends 1 MB of headers', raw(`${HEAD}X-A: ${'a'.repeat(MIB)}\r\n\r\n`, 'close'), 'UPSTREAM_FAILED', /headers .* too large/, 4],
  ['sends a web page', body('<!DOCTYPE html><html>Sign in'), 'UPSTREAM_FAILED', /web page/, 4],
  ['sends half a JSON', body('{"fine": tr'), 'UPSTREAM_FAILED', /not JSON/, 4],
  ['sends bytes at random', body(Buffer.from([0xff, 0, 0xfe, 0x80])), 'UPSTREAM_FAILED', /not JSON/, 4],
  ['nests its JSON 400,000 deep', body('['.repeat(400_000) + ']'.repeat(400_000)), 'UPSTREAM_FAILED', /nests deeper/, 4],
  ['sends JSON of another form', body('{"errorMessages": []}'), 'UPSTREAM_FAILED', /form/, 4],
  ['sends nothing where an answer is due', body(''), 'UPSTREAM_FAILED', /form/, 4],

  ['announces 1 GB', () => httpServer(endless(GIB, { 'content-length': String(GIB) })), 'UPSTREAM_FAILED', /larger than/, 4],
  ['streams 1 GB', () => httpServer(endless(GIB)), 'UPSTREAM_FAILED', /larger than/, 4],
  ['sends a gzip bomb, 64 MB in 64 kB', body(gzipBomb(64 * MIB), { 'content-encoding': 'gzip' }), 'UPSTREAM_FAILED', /larger than/, 4],
  ['sends empty gzip members for ever', emptyMembers, 'UPSTREAM_FAILED', /larger than/, 4],
  ['sends broken gzip', body('no gzip', { 'content-encoding': 'gzip' }), 'UPSTREAM_FAILED', /decompressed/, 4],
  ['encodes as nobody asked', body('{}', { 'content-encoding': 'compress' }), 'UPSTREAM_FAILED', /encoded/, 4],

  ['answers 500', answer(500, {}, '<html>'), 'UPSTREAM_FAILED', /status 500/, 4],
  ['answers 500 and streams 1 GB', () => httpServer(endless(GIB, {}, 500)), 'UPSTREAM_FAILED', /status 500/, 4],
  ['answers 404', answer(404), 'UPSTREAM_FAILED', /status 404/, 1],
  ['answers 401', answer(401), 'UPSTREAM_REFUSED', /credentials/, 1],
  ['answers 403', answer(403), 'UPSTREAM_REFUSED', /credentials/, 1],
  ['answers 429 without end', answer(429, { 'retry-after': '0' }), 'UPSTREAM_UNAVAILABLE', /rate limit/, 4],
  ['answers 429, come back in an hour', answer(429, { 'retry-after': '3600' }), 'UPSTREAM_UNAVAILABLE', /rate limit/, 1],
  ['answers 503, come back in 2100', answer(503, { 'retry-after': 'Fri, 01 Jan 2100 00:00:00 GMT' }), 'UPSTREAM_UNAVAILABLE', /status 503/, 1],

  ['redirects to this machine', answer(302, { location: elsewhere.url }), 'UPSTREAM_FAILED', /redirects/, 1],
  ["redirects to the cloud's metadata", answer(307, { location: 'http://169.254.169.254/latest/meta-data/' }), 'UPSTREAM_FAILED', /redirects/, 1],
  ['redirects to another origin', answer(308, { location: elsewhere.url.replace('127.0.0.1', 'localhost') }), 'UPSTREAM_FAILED', /redirects/, 1],
  ['redirects to itself', answer(301, { location: '/things' }), 'UPSTREAM_FAILED', /redirects/, 1],
  ['redirects to a file', answer(302, { location: 'file:///etc/passwd' }), 'UPSTREAM_FAILED', /redirects/, 1],

  ['has an expired certificate', signed([HOST], { validUntil: new Date('2026-01-01') }), 'UPSTREAM_UNAVAILABLE', /expired/, 0, tls],
  ['has a certificate of another host', signed(['other.test']), 'UPSTREAM_UNAVAILABLE', /another host/, 0, tls],
  ["has another authority's certificate", signed([HOST], { by: await makeAuthority('Other') }), 'UPSTREAM_UNAVAILABLE', /no authority/, 0, tls],
  ['has a self-signed certificate', async () => httpsServer(await selfSigned({ hosts: [HOST] })), 'UPSTREAM_UNAVAILABLE', /no authority/, 0, tls],
  ['speaks TLS 1.1 at best', signed([HOST], oldTls), 'UPSTREAM_UNAVAILABLE', /TLS 1\.2/, 0, tls],
  ['speaks no TLS', fine, 'UPSTREAM_UNAVAILABLE', /TLS 1\.2/, 0, { ...tls, protocol: 'https' }],

  ['has a name that does not resolve', fine, 'UPSTREAM_UNAVAILABLE', /does not resolve/, 0, { ...tls, resolve: to() }],
  ['has a name server that never answers', fine, 'UPSTREAM_TIMEOUT', /in time|no connection/, 0, { ...soon, host: 'localhost', resolve: () => undefined }],
  ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.0.1', '100.64.0.1', '169.254.169.254', '224.0.0.1', '0.0.0.0', '255.255.255.255',
    '::1', '::', '::ffff:127.0.0.1', '::127.0.0.1', 'fe80::1', 'fd00:ec2::254', 'ff02::1', '64:ff9b::7f00:1', '2002:7f00:1::'].map((address): Row =>
    [`resolves to ${address}`, fine, 'UPSTREAM_NOT_ALLOWED', /private_hosts/, 0, { ...outside, resolve: to(address) }]),
  ['resolves to a public and a private address', fine, 'UPSTREAM_NOT_ALLOWED', /private_hosts/, 0, { ...outside, resolve: to('1.1.1.1', '127.0.0.1') }],
  ["is allowed inside, and resolves to the cloud's metadata", fine, 'UPSTREAM_NOT_ALLOWED', /private_hosts/, 0, { ...tls, resolve: to('169.254.169.254') }],
  ['is 127.0.0.1, written as a number', fine, 'UPSTREAM_NOT_ALLOWED', /private_hosts/, 0, { ...outside, host: '2130706433' }],
  ['is ::1, written in brackets', fine, 'UPSTREAM_NOT_ALLOWED', /private_hosts/, 0, { ...outside, host: '[::1]' }],
  ['is public, without TLS', fine, 'UPSTREAM_NOT_ALLOWED', /not https/, 0, { ...outside, protocol: 'http' }],
  ['resolves to a public address, without TLS', fine, 'UPSTREAM_NOT_ALLOWED', /not https/, 0, { ...tls, resolve: to('1.1.1.1') }],
  ['is not on the list of hosts', fine, 'UPSTREAM_NOT_ALLOWED', /allowed_hosts/, 0, { ...outside, settings: { allowedHosts: ['*.atlassian.net'] } }],
];

function clientOf(server: TestServer, { settings, host, protocol, ...options }: Differently = {}): HttpClient {
  const url = new URL(server.url);
  if (host !== undefined) url.hostname = host;
  if (protocol !== undefined) url.protocol = protocol;
  const defaults = { retryDelayMs: 1, maxResponseBytes: MIB, privateHosts: ['127.0.0.1', 'localhost'] };
  const all = Object.assign(new (upstreamSettings('demo'))(), defaults, settings);
  return new HttpClient({ upstream: 'demo', baseUrl: url.href, settings: all, ...options });
}

/** What an error says beyond its code. */
function told(error: AppError): string {
  return String(error.details['reason'] ?? error.message);
}

describe('an upstream that', () => {
  const table: string[] = [];

  afterAll(async () => {
    await elsewhere.stop();
    const lines = ['| the server | the call ends with | because | tries |', '| --- | --- | --- | --- |', ...table];
    process.stdout.write(`\n${lines.join('\n')}\n\n`);
  });

  it.each(ROWS.map((row) => ({ name: row[0], ends: row[2], row })))('$name ends a call with $ends', async ({ row }) => {
    const [name, start, code, says, tries, differently] = row;
    const server = await start();
    const client = clientOf(server, differently);

    const error: unknown = await client
      .call({
        path: '/things',
        headers: { authorization: 'Bearer s3cret' },
        read: (json) => (json as { fine: boolean }).fine.valueOf(),
      })
      .catch((reason: unknown) => reason);

    await client.close();
    await server.stop();
    if (!(error instanceof AppError)) throw new Error(`Expected ${code}, got ${String(error)}`);
    table.push(`| ${name} | ${error.code} | ${told(error)} | ${String(server.seen)} |`);
    expect([error.code, server.seen]).toEqual([code, tries]);
    expect(told(error)).toMatch(says);
    expect(error.details['upstream']).toBe('demo');
    // Each try takes no more than the limit and what fills the buffers on the way.
    expect(server.written).toBeLessThan(64 * MIB);
    expect(elsewhere.seen).toBe(0);
  });

  it('keeps TLS 1.2 with the right certificate is called', async () => {
    const server = await signed([HOST], { maxVersion: 'TLSv1.2' })();
    const client = clientOf(server, tls);

    const answered = await client.call({ path: '/things', read: (json) => json });

    await client.close();
    await server.stop();
    expect(answered).toEqual({ fine: true });
  });

  it('changes its address between two connections is not connected again', async () => {
    const server = await httpServer((_request, response) => response.writeHead(200, { connection: 'close' }).end('{}'));
    const answers = [to('127.0.0.1'), to('169.254.169.254')];
    const asked: string[] = [];
    const client = clientOf(server, {
      host: HOST,
      resolve: (name, done) => {
        asked.push(name);
        answers.shift()?.(name, done);
      },
    });
    const call = () => client.call({ path: '/things', read: (json) => json });

    const first = await call();
    const second = call();

    await expect(second).rejects.toMatchObject({ code: 'UPSTREAM_NOT_ALLOWED' });
    await client.close();
    await server.stop();
    expect(first).toEqual({});
    // Asked once for each connection: what was checked is what was connected.
    expect([asked, server.seen]).toEqual([[HOST, HOST], 1]);
  });
});

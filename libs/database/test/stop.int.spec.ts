import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startTcpProxy, startTestDatabase, type TcpProxy, type TestDatabase } from '@qa-pms/testing';
import { ToyProcess } from './toy-process.js';

describe('a stop', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let proxied: string;
  let toy: ToyProcess;

  beforeAll(async () => {
    database = await startTestDatabase();
    const url = new URL(database.url);
    proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    proxied = url.href;
  });
  afterEach(() => {
    proxy.pass();
    toy.signal('SIGKILL');
  });
  afterAll(async () => {
    await proxy.stop();
    await database.stop();
  });

  it('fails readiness at once, serves for its grace, finishes what is in hand, and refuses the rest', async () => {
    toy = await ToyProcess.start('toy-service.ts', database.url, {
      SHUTDOWN_GRACE_MS: '2000',
      REQUEST_TIMEOUT_MS: '60000',
    });
    const open = connect(Number(new URL(toy.url).port), '127.0.0.1').setEncoding('utf8');
    const said = open.toArray();

    toy.signal('SIGTERM');
    await toy.until('stopping: readiness fails from now on');
    const [ready, live, inGrace] = await Promise.all([
      toy.get('/health/ready'),
      toy.get('/health/live'),
      toy.get('/hang404'),
    ]);
    const slow = toy.get('/slow', 'one-request');
    await toy.until('waits');
    // The grace.
    await toy.until('stop phase ended');
    const [late, liveLate] = await Promise.all([toy.get('/slow'), toy.get('/health/live')]);
    open.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await toy.until('waits', 2);
    toy.signal('SIGUSR2');
    const finished = await slow;
    const old = (await said).join('');
    const ended = await toy.ended;

    expect([ready.status, live.status, inGrace.status]).toEqual([503, 200, 404]);
    expect(late).toEqual({ status: 503, connection: 'close', code: 'SHUTTING_DOWN' });
    expect(liveLate.status).toBe(200);
    expect(finished.status).toBe(200);
    expect(toy.lines).toContainEqual(expect.objectContaining({ msg: 'request', route: '/slow', status: 503 }));
    // An open connection is served still, and told that it ends.
    expect(old).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*connection: close/i);
    expect(ended).toEqual([0, null]);
    expect(toy.phases).toEqual([
      'grace',
      'requests',
      'tracking messages',
      'tracking outbox',
      'tracking connections',
      'tracking service',
      'wire',
    ]);
    const durations = toy.lines
      .filter(({ msg }) => msg === 'stop phase ended')
      .map(({ durationMs }) => typeof durationMs);
    expect(new Set(durations)).toEqual(new Set(['number']));
    expect(toy.lines.at(-1)?.msg).toBe('stopped');
    // What the toy says, the request and the message that it sent.
    expect(toy.lines.filter(({ requestId }) => requestId === 'one-request')).toEqual([
      expect.objectContaining({ msg: 'waits' }),
      expect.objectContaining({ msg: 'message', message: 'wait.v1', outcome: 'ok', durationMs: expect.any(Number) }),
      expect.objectContaining({ msg: 'request', method: 'GET', route: '/slow', status: 200 }),
    ]);
    const [line] = toy.lines.filter(({ msg, requestId }) => msg === 'request' && requestId === 'one-request');
    expect(line?.['durationMs']).toBeGreaterThan(0);
    expect(toy.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('is forced where a handler hangs, and says what still ran', async () => {
    toy = await ToyProcess.start('toy-service.ts', database.url, {
      SHUTDOWN_TIMEOUT_MS: '1000',
      REQUEST_TIMEOUT_MS: '60000',
    });
    void toy.get('/hang').catch(() => null);
    await toy.until('waits');

    toy.signal('SIGINT');
    const ended = await toy.ended;

    expect(ended).toEqual([1, null]);
    expect(toy.lines.at(-1)).toMatchObject({
      level: 'error',
      msg: 'stop was forced',
      timeoutMs: 1_000,
      phases: ['requests'],
      requests: [{ method: 'GET', route: '/hang', requestId: expect.any(String), runningMs: expect.any(Number) }],
      messages: [{ message: expect.stringContaining('wait'), requestId: expect.any(String) }],
    });
  });

  it('does not wait for the answer to somebody who has gone', async () => {
    toy = await ToyProcess.start('toy-service.ts', database.url, {
      SHUTDOWN_TIMEOUT_MS: '1000',
      REQUEST_TIMEOUT_MS: '60000',
    });
    const gone = new AbortController();
    const asked = fetch(`${toy.url}/hang`, { signal: gone.signal }).catch(() => null);
    await toy.until('waits');
    gone.abort();
    await asked;
    const line = await toy.until('request');

    toy.signal('SIGTERM');
    const ended = await toy.ended;

    expect(line).toMatchObject({ route: '/hang', status: null });
    expect(ended).toEqual([1, null]);
    // What it was asked for is still being done.
    expect(toy.lines.at(-1)).toMatchObject({
      phases: ['tracking messages'],
      requests: [],
      messages: [{ message: 'wait.v1' }],
    });
  });

  it('is forced where the database hangs, in the phase that waits for it', async () => {
    toy = await ToyProcess.start('toy-service.ts', proxied, { SHUTDOWN_TIMEOUT_MS: '1500' });
    proxy.stall();
    await sleep(700);

    toy.signal('SIGTERM');
    const ended = await toy.ended;

    expect(ended).toEqual([1, null]);
    expect(toy.phases).toEqual(['grace', 'requests', 'tracking messages']);
    expect(toy.lines.at(-1)).toMatchObject({ level: 'error', msg: 'stop was forced', phases: ['tracking service'] });
  });

  it('ends at once at a second signal, but not at the double of the first', async () => {
    toy = await ToyProcess.start('toy-service.ts', database.url, { SHUTDOWN_GRACE_MS: '20000' });

    toy.signal('SIGINT');
    toy.signal('SIGTERM');
    // It counts from when it hears of the first.
    await toy.until('stopping: readiness fails from now on');
    await sleep(1_500);
    const meanwhile = await toy.get('/health/live');
    toy.signal('SIGTERM');
    const ended = await toy.ended;

    expect(meanwhile.status).toBe(200);
    expect(ended).toEqual([143, null]);
    expect(toy.lines.filter(({ msg }) => msg.startsWith('stopping'))).toHaveLength(1);
  });
});

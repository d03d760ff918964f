import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithKafka } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { Balancer, Connection } from './balancer.js';
import { deadLetters, expectAgreement } from './checks.js';
import { Load, type Sample, summary } from './load.js';
import { startAllInOneSystem, startDistributedSystem, type System } from './system.js';

const CONNECTIONS = 100;
const CLIENTS = 20;
/** Long enough for each connection to be told that it ends: 120 requests a second were seen on a busy machine. */
const GRACE_MS = 5_000;
/** How long a request takes that begins before the grace is over and ends after it. */
const IN_HAND_MS = 4_000;
const CALM_MS = 1_000;

describeWithKafka('a stop under load', (kafka) => {
  let system: System;
  let balancer: Balancer;
  let connections: Connection[];
  let load: Load;
  let qa: Api;

  beforeAll(async () => {
    system = await startDistributedSystem(kafka().brokers, { environment: { SHUTDOWN_GRACE_MS: String(GRACE_MS) } });
    for (const service of ['gateway', 'workflow']) await system.start(service, `${service}-1`);
    qa = await system.signIn('qa');
    balancer = new Balancer(system.gateways);
    await balancer.until(2);
  }, 180_000);

  afterAll(async () => {
    await balancer.stop();
    await system.stop();
  }, 120_000);

  beforeEach(async () => {
    connections = Array.from({ length: CONNECTIONS }, () => new Connection(balancer, qa));
    load = await Load.start(qa.at(balancer.next()), { clients: CLIENTS, route: inTurn(connections) });
    await sleep(CALM_MS);
    while (connections.some(({ isOpen }) => !isOpen)) await sleep(20);
  }, 60_000);

  afterEach(() => Promise.all(connections.map((connection) => connection.close())));

  for (const service of ['gateway', 'workflow']) {
    it(`of a ${service} fails no request and loses no message`, async () => {
      const code = await system.processes.get(`${service}-0`)?.stop();
      await sleep(CALM_MS);
      await load.stop();

      expect(code).toBe(0);
      expect(load.wrong).toEqual([]);
      expect(load.samples.filter(({ status }) => status !== 200)).toEqual([]);
      const other = qa.at(balancer.next());
      for (const [id, version] of load.versions) await expectAgreement(other, id, version);
      expect(await deadLetters(system.databaseUrl ?? '')).toBe(0);
      process.stderr.write(`stop of a ${service}: ${summary(load.samples)}\n`);
    }, 60_000);
  }
});

describe('a stop of all in one under load', () => {
  let system: Awaited<ReturnType<typeof startAllInOneSystem>>;

  beforeAll(async () => {
    system = await startAllInOneSystem({
      SHUTDOWN_GRACE_MS: String(GRACE_MS),
      TRACKING_ARRIVAL_WAIT_MS: String(IN_HAND_MS),
    });
  }, 120_000);

  afterAll(() => system.stop(), 60_000);

  it('serves until its grace is over, ends what is in hand, and keeps all that was acknowledged', async () => {
    const qa = await system.signIn('qa');
    const load = await Load.start(qa, { clients: CLIENTS });
    load.mayBreak.add(qa.url);
    await sleep(CALM_MS);
    const [id = '', version = 0] = [...load.versions][0] ?? [];
    const from = Date.now();
    const stopping = system.processes.get('all')?.stop();
    // Waits on the server for a change that does not come: it is in hand when the door closes.
    await sleep(GRACE_MS - IN_HAND_MS / 2);
    const inHand = qa.get(`/time/sessions/${id}?after_row_version=${String(version + 100_000)}`);

    const [late, code] = await Promise.all([inHand, stopping]);
    await system.start('all', 'all');
    await load.stop();

    expect(code).toBe(0);
    expect([late.status, late.body['code']]).toEqual([504, 'UPSTREAM_TIMEOUT']);
    // By when they were answered: what is sent before the door closes may come in when it has.
    const answeredAt = ({ startedAt, tookMs }: Sample): number => startedAt + tookMs;
    const served = load.samples.filter((one) => one.startedAt >= from && answeredAt(one) < from + GRACE_MS - 100);
    expect(served.length).toBeGreaterThan(CLIENTS);
    expect(served.filter(({ status }) => status !== 200)).toEqual([]);
    // Refused on new connections while the request in hand is finished, then by a closed port.
    const refused = load.samples.filter(({ status }) => status === 503);
    expect(new Set(load.samples.map(({ status }) => status))).toEqual(new Set([0, 200, 503]));
    expect(new Set(refused.map(({ code: why }) => why))).toEqual(new Set(['SHUTTING_DOWN']));
    expect(Math.min(...refused.map(answeredAt))).toBeGreaterThanOrEqual(from + GRACE_MS - 100);
    expect(load.wrong).toEqual([]);
    for (const [workflowId, last] of load.versions) await expectAgreement(qa, workflowId, last);
    process.stderr.write(`stop of all in one: ${summary(load.samples)}\n`);
  }, 120_000);
});

/** Each request over the next of the connections. */
function inTurn(connections: Connection[]): () => Api {
  let turn = 0;
  return () => {
    turn += 1;
    const connection = connections[turn % connections.length];
    if (!connection) throw new Error('There is no connection.');
    return connection.api();
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithKafka } from '@qa-pms/testing/jest';
import {
  AssignerProtocol,
  Kafka,
  logLevel,
  type MemberDescription,
  type PartitionMetadata,
  Partitioners,
} from 'kafkajs';
import type { Api } from './api.js';
import { Balancer } from './balancer.js';
import { deadLetters, expectAgreement } from './checks.js';
import { Load, type Sample, summary } from './load.js';
import { type Process, startDistributedSystem, type System } from './system.js';

/** `npm run prove:instances` runs it whole, with the session timeout that brokers demand by default; CI a short one. */
const [ROUNDS, SESSION_MS, CLIENTS] = process.env['PROOF'] === 'whole' ? [3, 6_000, 25] : [1, 2_000, 12];
/** Without the removal of its dead predecessor a successor waits for the session; the 1 s is for a machine of its own. */
const JOIN_MS = process.env['PROOF'] === 'whole' ? 1_000 : SESSION_MS;
const SERVICES = ['gateway', 'workflow', 'tracking'] as const;
const LIMIT_MS = ROUNDS * 180_000;
const CALM_MS = 1_500;
/** The deadline of requests, and what a busy machine may need to say so. */
const ANSWERED_MS = 10_500;
/** From the death of a member to its partitions being served again: the session, the heartbeat that tells, the joining. */
const HOLE_MS = SESSION_MS + 3_000;
/** From then on the survivor may have all partitions: the dead member was last heard of a heartbeat and a fetch before. */
const ALONE_MS = SESSION_MS - 700;
const WRITERS = 6;
const PARTITIONS = [...Array(12).keys()];

describeWithKafka('two instances', (kafka) => {
  let system: System;
  let balancer: Balancer;
  let qa: Api;
  let load: Load;
  let loads: Load[];

  beforeAll(async () => {
    system = await startDistributedSystem(kafka().brokers, {
      environment: { LOG_LEVEL: 'info', SHUTDOWN_GRACE_MS: '500', KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS) },
    });
    qa = await system.signIn('qa');
    balancer = new Balancer(system.gateways);
    await balancer.until(1);
  }, 180_000);

  afterAll(async () => {
    await balancer.stop();
    await system.stop();
  }, 60_000);

  beforeEach(async () => {
    load = await Load.start(qa.at(balancer.next()), { clients: CLIENTS, route: () => qa.at(balancer.next()) });
    loads = [load];
    await sleep(CALM_MS);
  }, 60_000);

  /** Whatever came or went: nothing is lost, wrong or given up, and nobody waited for longer than a deadline. */
  afterEach(async () => {
    await Promise.all(loads.map((each) => each.stop()));
    const other = qa.at(balancer.next());
    for (const { wrong, samples, versions } of loads) {
      expect(wrong).toEqual([]);
      expect(Math.max(...samples.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_MS);
      for (const [id, version] of versions) await expectAgreement(other, id, version);
    }
    expect(await deadLetters(system.databaseUrl ?? '')).toBe(0);
  }, 60_000);

  for (const service of SERVICES) {
    it(
      `of ${service}: one that joins or leaves costs no request`,
      async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const joined = await system.start(service, `${service}-1`);
          await sleep(CALM_MS);
          await joined.stop();
          await sleep(CALM_MS);
        }
        await system.start(service, `${service}-1`);
        await load.stop();

        say(`${service} joins and leaves`, load.samples);
        expect(load.samples.filter(({ status }) => status !== 200)).toEqual([]);
      },
      LIMIT_MS,
    );
  }

  for (const service of ['workflow', 'tracking'] as const) {
    it(
      `of ${service}: when one is killed only calls to its partitions wait or fail, until its session ends`,
      async () => {
        const route = (): Api => qa.at(balancer.next());
        const writers = await Load.start(route(), { clients: WRITERS, after: CLIENTS, route, onlyWrites: true });
        loads.push(writers);
        const asked = service === 'workflow' ? 'read' : 'time';
        for (let round = 0; round < ROUNDS; round += 1) {
          const name = `${service}-1`;
          const isOwn = await callsOf(kafka().brokers, system.topicPrefix, service, name);
          system.processes.get(name)?.kill('SIGKILL');
          const killed = Date.now();
          const asking = writers.ask(asked, ALONE_MS);
          await sleep(HOLE_MS);
          await asking;
          const hole = load.samples.filter(({ startedAt }) => startedAt >= killed);
          const others = hole.filter((sample) => !isOwn(sample));
          say(`${service} killed: calls to it`, hole.filter(isOwn));
          say(`${service} killed: other calls`, others);

          const alone = writers.samples.filter(({ startedAt }) => startedAt >= killed && startedAt < killed + ALONE_MS);
          const answered = alone.filter(
            ({ status, startedAt, tookMs }) => status === 200 && startedAt + tookMs < killed + ALONE_MS,
          );
          const queries = answered.filter(({ kind }) => kind === asked);
          const writes = answered.filter((sample) => sample.kind !== asked && !isOwn(sample));
          const all = alone.filter(({ kind }) => kind === asked);
          process.stderr.write(
            `${service} killed: the other one answered ${String(queries.length)} of ${String(all.length)} queries and ` +
              `${String(writes.length)} writes alone\n`,
          );

          await sleep(CALM_MS);
          // Half of them on average, as queries go to all partitions in turn.
          expect(queries.length).toBeGreaterThan(all.length / 10);
          const ofOther = [...writers.versions.keys()].filter((workflowId) => !isOwn({ kind: 'command', workflowId }));
          expect(writes.map(({ workflowId }) => workflowId)).toEqual(expect.arrayContaining(ofOther));
          expect(others.length).toBeGreaterThan(0);
          expect(others.filter(({ status }) => status !== 200)).toEqual([]);
          const later = load.samples.filter(({ startedAt }) => startedAt >= killed + HOLE_MS);
          expect(later.length).toBeGreaterThan(0);
          expect(later.filter(({ status }) => status !== 200)).toEqual([]);
          await system.start(service, name);
          await sleep(CALM_MS);
        }
      },
      LIMIT_MS,
    );
  }

  it(
    'of gateway: when one is killed only the requests that it had fail',
    async () => {
      const gone = system.processes.get('gateway-1');
      load.mayBreak.add(gone?.url ?? '');

      gone?.kill('SIGKILL');
      await balancer.until(1);
      const noticed = Date.now();
      await sleep(CALM_MS);
      await system.start('gateway', 'gateway-1');

      const failed = load.samples.filter(({ status }) => status !== 200);
      say('gateway killed', load.samples);
      expect(failed.filter(({ url }) => url !== gone?.url)).toEqual([]);
      expect(failed.filter(({ startedAt }) => startedAt > noticed)).toEqual([]);
    },
    LIMIT_MS,
  );

  for (const service of SERVICES) {
    it(
      `of ${service}: one that is started again under its name has its partitions at once`,
      async () => {
        const name = `${service}-1`;
        const before = system.processes.get(name);
        load.mayBreak.add(before?.url ?? '');
        before?.kill('SIGKILL');
        await before?.exited;
        const killed = Date.now();

        const successor = await system.start(service, name);

        // What it said before it was ready may come in after that answer.
        await successor.hasSaid('"service ready"');
        const took = joins(successor);
        process.stderr.write(
          `${name} ready ${String(Date.now() - killed)} ms after its death, joined in ${took.join(', ')} ms\n`,
        );
        expect(took.length).toBeGreaterThan(0);
        expect(Math.max(...took)).toBeLessThan(JOIN_MS);
      },
      LIMIT_MS,
    );
  }
});

/** Milliseconds from asking for partitions to having them, of each group of a process. Before that its program starts. */
function joins({ output }: Process): number[] {
  const lines = output.split('\n').filter((line) => line.includes('consumer has joined'));
  return lines.map((line) => (JSON.parse(line) as { tookMs: number }).tookMs);
}

/** Whether a call may go to an instance: commands by their key; queries have none and go to all in turn. */
async function callsOf(
  brokers: string,
  prefix: string,
  service: 'workflow' | 'tracking',
  instance: string,
): Promise<(sample: Pick<Sample, 'kind' | 'workflowId'>) => boolean> {
  if (service === 'tracking') return ({ kind }) => kind === 'time';
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topic = `${prefix}qa.${service}.commands`;
  const clientId = `qa-pms.${service}-${instance}`;
  let member: MemberDescription | undefined;
  // While it rebalances nobody has partitions.
  for (let tries = 0; tries < 100 && !member; tries += 1) {
    const { groups } = await admin.describeGroups([topic]);
    if (groups[0]?.state === 'Stable') member = groups[0].members.find((one) => one.clientId === clientId);
    if (!member) await sleep(100);
  }
  await admin.disconnect();
  if (!member) throw new Error(`${instance} is no member of ${topic}.`);
  const own = AssignerProtocol.MemberAssignment.decode(member.memberAssignment)?.assignment[topic] ?? [];
  expect(own).toHaveLength(PARTITIONS.length / 2);
  const partitionOf = Partitioners.DefaultPartitioner();
  const partitionMetadata = PARTITIONS.map((partitionId) => ({ partitionId, leader: 1 }) as PartitionMetadata);
  return ({ kind, workflowId: key }) =>
    kind === 'read' ||
    // Times follow commands.
    (kind !== 'tickets' && own.includes(partitionOf({ topic, partitionMetadata, message: { key, value: '' } })));
}

function say(what: string, samples: Sample[]): void {
  process.stderr.write(`${what}: ${summary(samples)}\n`);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { startKafkaCluster, type TestKafkaCluster } from '@qa-pms/testing';
import { describeWithJava } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { deadLetters, expectAgreement } from './checks.js';
import { Load, summary } from './load.js';
import { startDistributedSystem, type System } from './system.js';

/** About 40 requests a second: the brokers and services have to share a small machine. */
const PEOPLE = { clients: 10, paceMs: 200 };
const CALM_MS = 5_000;
const AWAY_MS = 30_000;
/** The deadline of requests, and what a busy machine may need to say so. */
const ANSWERED_MS = 10_500;
/** A second or few, and what a busy machine makes of it. */
const HANDED_OVER_MS = 10_000;
/** Kafka takes a broker for dead after 9 s by default; where it was the active controller another comes first. */
const NOTICED_MS = 20_000;
const LIMIT_MS = 600_000;

await describeWithJava('of three brokers', () => {
  let kafka: TestKafkaCluster;
  let system: System;
  let qa: Api;
  let load: Load;
  const ended: string[] = [];

  beforeAll(async () => {
    kafka = await startKafkaCluster();
    system = await startDistributedSystem(kafka.brokers, {
      environment: { KAFKA_REPLICATION: '3', KAFKA_MIN_IN_SYNC: '2', KAFKA_SESSION_TIMEOUT_MS: '6000' },
    });
    for (const [name, { exited }] of system.processes) void exited.then(() => ended.push(name));
    qa = await system.signIn('qa');
  }, 300_000);

  afterAll(async () => {
    await system.stop();
    await kafka.stop();
  }, 120_000);

  beforeEach(async () => {
    load = await Load.start(qa, PEOPLE);
    await sleep(CALM_MS);
  }, 60_000);

  /** Whatever went: nothing is lost, wrong or given up, nobody waited for longer than a deadline, and nobody had to help. */
  afterEach(async () => {
    await load.stop();
    expect(load.wrong).toEqual([]);
    expect(Math.max(...load.samples.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_MS);
    for (const [id, version] of load.versions) await expectAgreement(qa, id, version);
    expect(await deadLetters(system.databaseUrl ?? '')).toBe(0);
    expect(ended).toEqual([]);
    for (const [name, process] of system.processes) if (name !== 'simulator') await process.ready();
  }, 120_000);

  /** Tells how requests ended since a broker went; the longest time, in milliseconds, in which none succeeded. */
  const pauseSince = (gone: number, what: string): number => {
    const since = load.samples
      .map((sample) => ({ ...sample, after: sample.startedAt + sample.tookMs - gone }))
      .filter(({ after }) => after >= 0);
    const successes = since.filter(({ status }) => status === 200).map(({ after }) => after);
    const sorted = [0, ...successes, Date.now() - gone].sort((one, other) => one - other);
    const pause = Math.max(...sorted.slice(1).map((after, index) => after - (sorted[index] ?? 0)));
    const last = Math.max(0, ...since.filter(({ status }) => status !== 200).map(({ after }) => after));
    const times = `none succeeded for ${String(pause)} ms, the last failed after ${String(last)} ms`;
    process.stderr.write(`broker ${what}: ${summary(since)}; ${times}\n`);
    return pause;
  };

  it(
    'one after the other is restarted: work goes on',
    async () => {
      for (const [index, node] of kafka.nodes.entries()) {
        const gone = Date.now();
        await node.end('SIGTERM');
        await node.start();
        await kafka.inSync();
        await sleep(CALM_MS);

        expect(pauseSince(gone, `${String(index + 1)} restarted`)).toBeLessThan(HANDED_OVER_MS);
      }
    },
    LIMIT_MS,
  );

  it(
    'one after the other is killed: work goes on when Kafka has noticed',
    async () => {
      for (const [index, node] of kafka.nodes.entries()) {
        const gone = Date.now();
        await node.end('SIGKILL');
        await sleep(NOTICED_MS);
        await node.start();
        await kafka.inSync();
        await sleep(CALM_MS);

        expect(pauseSince(gone, `${String(index + 1)} killed`)).toBeLessThan(NOTICED_MS);
      }
    },
    LIMIT_MS,
  );

  it(
    'one stays away: work goes on without it, and a service that starts finds the others',
    async () => {
      const gone = Date.now();
      await kafka.nodes[0]?.end('SIGTERM');
      await system.start('tracking', 'tracking-1');
      await sleep(AWAY_MS);

      expect(pauseSince(gone, '1 away')).toBeLessThan(HANDED_OVER_MS);
    },
    LIMIT_MS,
  );
});

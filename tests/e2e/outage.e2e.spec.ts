import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { TicketPage } from '@qa-pms/contracts';
import { type OwnDatabase, startOwnDatabase } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { deadLetters, expectAgreement } from './checks.js';
import { Load, type Sample, summary } from './load.js';
import { startDistributedSystem, type System } from './system.js';

/** `npm run prove:outage` runs it whole; CI a short one. */
const [GONE_MS, HANGS_MS] = process.env['PROOF'] === 'whole' ? [30_000, 30_000] : [5_000, 13_000];
const CALM_MS = 1_500;
const RECOVERY_MS = 5_000;
const LIMIT_MS = HANGS_MS + 90_000;
/** What an open circuit breaker rests (10 s), and a sync every second with its tries again. */
const FRESH_MS = 15_000;
/** The deadline of requests, and what a busy machine may need to say so. */
const ANSWERED_MS = 10_500;

describeWithKafka('while a part is gone', (kafka) => {
  let system: System;
  let database: OwnDatabase;
  let qa: Api;
  let before: Load;
  let meanwhile: Load;
  let afterwards: Load;

  beforeAll(async () => {
    database = await startOwnDatabase();
    system = await startDistributedSystem(kafka().brokers, {
      given: database,
      environment: { JIRA_SYNC_SECONDS: '1' },
    });
    qa = await system.signIn('qa');
  }, 180_000);

  afterAll(async () => {
    await system.stop();
    await database.stop();
  }, 60_000);

  /** Who works when it happens, who comes meanwhile, and who comes when it is over. */
  beforeEach(async () => {
    before = await Load.start(qa, { clients: 10 });
    meanwhile = await Load.prepare(qa, { clients: 10, after: 10 });
    afterwards = await Load.prepare(qa, { clients: 5, after: 20 });
    await sleep(CALM_MS);
  }, 60_000);

  /** Whatever was away: nothing is lost, wrong or given up, and nobody waited for longer than a deadline. */
  afterEach(async () => {
    for (const load of [before, meanwhile, afterwards]) {
      expect(load.wrong).toEqual([]);
      expect(Math.max(...load.samples.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_MS);
      for (const [id, version] of load.versions) await expectAgreement(qa, id, version);
    }
    expect(await deadLetters(database.url)).toBe(0);
  }, 60_000);

  /** Takes something away under load and brings it back; what was asked and answered meanwhile. */
  const without = async (
    what: string,
    take: () => unknown,
    giveBack: () => unknown,
    forMs = GONE_MS,
  ): Promise<Sample[]> => {
    await take();
    const from = Date.now();
    meanwhile.begin();
    await sleep(forMs);
    const until = Date.now();
    await giveBack();
    const back = Date.now();
    afterwards.begin();
    await sleep(RECOVERY_MS);
    await Promise.all([before, meanwhile, afterwards].map((load) => load.stop()));
    const answered = [...before.samples, ...meanwhile.samples].filter(
      ({ startedAt, tookMs }) => startedAt >= from && startedAt + tookMs <= until,
    );
    const recovery = afterwards.recovery(back);
    const again = Object.entries(recovery).map(([kind, ms]) => `${kind} ${String(ms)}`);
    process.stderr.write(
      `${what} for ${String(forMs / 1_000)} s: ${summary(answered)}; back after ${again.join(', ')} ms\n`,
    );
    expect(answered.length).toBeGreaterThan(0);
    for (const ms of Object.values(recovery)) expect(ms).toBeLessThan(RECOVERY_MS);
    return answered;
  };

  it(
    'the broker, killed: requests are refused, and everything goes on when it is back',
    async () => {
      const answers = await without(
        'broker killed',
        () => kafka().kill(),
        () => kafka().restart(),
      );

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    },
    LIMIT_MS,
  );

  it(
    'the broker, hanging: requests are refused by their deadline, and everything goes on when it does',
    async () => {
      const answers = await without(
        'broker hanging',
        () => kafka().pause(),
        () => kafka().resume(),
        // Longer than the deadline: until then nobody is answered.
        HANGS_MS,
      );

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    },
    LIMIT_MS,
  );

  it(
    'PostgreSQL, killed: requests are refused at once',
    async () => {
      const answers = await without(
        'PostgreSQL killed',
        () => database.kill(),
        () => database.restart(),
      );

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    },
    LIMIT_MS,
  );

  it(
    'PostgreSQL, hanging: requests are refused by their deadline',
    async () => {
      const answers = await without(
        'PostgreSQL hanging',
        () => {
          database.freeze();
        },
        () => {
          database.thaw();
        },
      );

      expect(answers.filter(({ status }) => status === 200)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'Jira, killed: all that is stored goes on, and says that it is old',
    async () => {
      let then: TicketPage | null = null;
      const answers = await without(
        'Jira killed',
        async () => {
          system.processes.get('simulator')?.kill('SIGKILL');
          await system.processes.get('simulator')?.exited;
        },
        async () => {
          then = (await qa.get<TicketPage>('/tickets')).body;
          const { status, body } = await qa.post<{ code: string }>(`/tickets/${then.data[0]?.key ?? ''}/transitions`, {
            transitionId: '1',
          });
          expect([status, body.code]).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
          await system.start('simulator', 'simulator');
        },
      );

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(then).toMatchObject({ freshness: { stale: true } });
      const since = Date.now();
      for (;;) {
        const { body: now } = await qa.get<TicketPage>('/tickets');
        if (!now.freshness.stale) break;
        expect(Date.now() - since).toBeLessThan(FRESH_MS);
        await sleep(200);
      }
    },
    LIMIT_MS,
  );
});

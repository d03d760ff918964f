import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Workflow } from '@qa-pms/contracts';
import { describeWithKafka } from '@qa-pms/testing/jest';
import type { Api } from './api.js';
import { counts, deadLetters, expectAgreement, expectSessions, ticketKeys } from './checks.js';
import { Undocumented } from './documented.js';
import { startDistributedSystem, type System } from './system.js';

/** `npm run prove:crash` runs it whole; CI a short one. */
const [CLIENTS, COMMANDS, KILLS] = process.env['PROOF'] === 'whole' ? [20, 10_000, 50] : [6, 300, 4];
const LIMIT_MS = process.env['PROOF'] === 'whole' ? 45 * 60_000 : 240_000;
/** The gateway as well: who gets no answer asks again. */
const KILLED = ['gateway', 'workflow', 'tracking', 'identity', 'jira'];
/** What a client sends in turn: each is legal only after the one before it, so that a lost or doubled one shows. */
const TURN = ['pause', 'resume'] as const;

describeWithKafka('killed services', (kafka) => {
  let system: System;
  let qa: Api;

  beforeAll(async () => {
    system = await startDistributedSystem(kafka().brokers);
    qa = await system.signIn('qa');
  }, 180_000);

  afterAll(() => system.stop(), 60_000);

  it(
    'lose nothing that was acknowledged, and apply nothing twice',
    async () => {
      const keys = await ticketKeys(qa, CLIENTS);
      const from = Date.now();
      const refusals: string[] = [];
      let done = 0;
      let isOver = false;
      const kills: string[] = [];
      const clients = keys.map(async (ticketKey) => {
        const workflow = await untilAcknowledged<Workflow>(qa, '/workflows', { ticketKey }, refusals);
        let version = workflow.rowVersion;
        /** When the timer ran on or stood still, by turns, as workflow has it. */
        const moments = [workflow.startedAt];
        // More than these where they are done before the last service is back: each is killed while somebody works.
        for (let count = 0; count < COMMANDS / CLIENTS || !isOver; count += 1) {
          const answer = await untilAcknowledged<Workflow>(
            qa,
            `/workflows/${workflow.id}/${TURN[count % 2] ?? ''}`,
            {},
            refusals,
          );
          version += 1;
          moments.push(answer.updatedAt);
          expect(answer.rowVersion).toBe(version);
          done += 1;
        }
        return { id: workflow.id, version, moments };
      });
      const killing = (async () => {
        for (let count = 0; count < KILLS; count += 1) {
          while (done < (COMMANDS * (count + 0.5)) / KILLS) await sleep(20);
          // At a random moment of this share of the commands.
          await sleep(Math.random() * 100);
          const service = KILLED[Math.floor(Math.random() * KILLED.length)] ?? '';
          const name = `${service}-0`;
          system.processes.get(name)?.kill('SIGKILL');
          kills.push(service);
          await system.start(service, name, service === 'gateway' ? Number(new URL(system.url).port) : undefined);
        }
      })().finally(() => {
        isOver = true;
      });

      const results = await Promise.all(clients);
      await killing;
      process.stderr.write(
        `${String(done)} commands of ${String(CLIENTS)} clients acknowledged in ${String(Math.round((Date.now() - from) / 1_000))} s; ` +
          `kill -9: ${counts(kills)}; tries that were not acknowledged, each sent again: ${counts(refusals)}\n`,
      );

      for (const { id, version, moments } of results) {
        await expectAgreement(qa, id, version);
        await expectSessions(qa, id, moments);
      }
      expect(kills).toHaveLength(KILLS);
      expect(await deadLetters(system.databaseUrl ?? '')).toBe(0);
    },
    LIMIT_MS,
  );
});

/** Sends a command until it is acknowledged: always the same one, which its key says. Notes how its other tries ended. */
async function untilAcknowledged<T>(api: Api, path: string, body: object, refusals: string[]): Promise<T> {
  const key = { 'idempotency-key': randomUUID() };
  for (;;) {
    const answer = await api.post<T & { code?: string }>(path, body, key).catch((error: unknown) => {
      if (error instanceof Undocumented) throw error;
      return null;
    });
    if (answer && answer.status < 300) return answer.body;
    const again = answer === null || answer.status >= 500 || answer.body.code === 'IDEMPOTENCY_IN_PROGRESS';
    if (!again) throw new Error(`${path} answered ${String(answer.status)}: ${answer.text}`);
    refusals.push(answer === null ? 'no answer' : `${String(answer.status)} ${answer.body.code ?? ''}`);
    await sleep(100);
  }
}

import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { javaProblem } from './kafka-jars.js';
import { KAFKA_PROBLEM_VARIABLE, startKafka, type TestKafka } from './kafka.js';
import { redisProblem } from './redis.js';

/** Names the file that the runner collects what was left out from. */
export const MISSING_FILE_VARIABLE = 'QA_PMS_TESTS_MISSING';
/** Fetching Kafka for the first time counts too. */
const START_LIMIT_MS = 360_000;

/**
 * `describe` for tests that need Kafka; it is started before them and stopped after them. Without one the tests are
 * skipped and the run names them, with the reason, at its end; where `CI` is `true` that fails the run.
 */
export function describeWithKafka(name: string, tests: (kafka: () => TestKafka) => void): void {
  const problem = process.env[KAFKA_PROBLEM_VARIABLE];
  if (problem) {
    describeUnless(`no Kafka: ${problem}`, name, () => undefined);
    return;
  }
  describe(name, () => {
    let kafka: TestKafka | null = null;
    beforeAll(async () => {
      kafka = await startKafka();
    }, START_LIMIT_MS);
    tests(() => {
      if (!kafka) throw new Error('Kafka has not been started yet: ask for it within a test.');
      return kafka;
    });
    // Registered last: what the tests themselves close goes first, while there still is a broker.
    afterAll(async () => {
      await kafka?.stop();
    });
  });
}

/**
 * `await describeWithJava(…)`: for tests that start a Kafka of their own settings from its jars. Without Java and Maven
 * they are skipped and named as those of describeWithKafka are.
 */
export async function describeWithJava(name: string, tests: () => void): Promise<void> {
  describeUnless(await javaProblem(), name, tests);
}

/** `await describeWithRedis(…)`: for tests that start a Redis; without its program they are skipped and named. */
export async function describeWithRedis(name: string, tests: () => void): Promise<void> {
  describeUnless(await redisProblem(), name, tests);
}

function describeUnless(problem: string | null, name: string, tests: () => void): void {
  if (problem === null) {
    describe(name, tests);
    return;
  }
  leaveOut(name, problem);
  describe.skip(name, () => {
    it(`needs what is missing: ${problem}`, () => undefined);
  });
}

/** Tells the runner what could not be tested here, and why. */
export function leaveOut(what: string, reason: string): void {
  process.stderr.write(`\nLEFT OUT: ${what} (${reason})\n`);
  const file = process.env[MISSING_FILE_VARIABLE];
  if (file) appendFileSync(file, `${JSON.stringify({ what, reason })}\n`);
}

import { describe, expect, it } from '@jest/globals';
import type { StepStatus, Workflow, WorkflowChanged } from '@qa-pms/contracts';
import fc from 'fast-check';
import { aStep } from '@qa-pms/testing/build';
import { aChange, at, QUINN, ROBIN } from '../../test/build.js';
import { follow } from './session.rules.js';
import type { Tracked } from './tracked-workflow.js';
import { workflowTime } from './workflow-time.js';

const STEPS = 3;
const START = at('00:00').getTime();

const snapshot = fc.record({
  milliseconds: fc.integer({ min: 0, max: 5_000_000 }),
  userId: fc.constantFrom(QUINN, ROBIN),
  status: fc.constantFrom<Workflow['status']>('active', 'active', 'paused'),
  /** The step in progress; the number of steps: none. */
  step: fc.integer({ min: 0, max: STEPS }),
});

const story = fc.array(snapshot, { minLength: 1, maxLength: 40 });
type Snapshot = typeof snapshot extends fc.Arbitrary<infer T> ? T : never;

function toChanges(snapshots: Snapshot[]): WorkflowChanged[] {
  let moment = START;
  return snapshots.map(({ milliseconds, userId, status, step }, index) => {
    moment += milliseconds;
    const statusOf = (one: number): StepStatus => (one === step ? 'in_progress' : one < step ? 'completed' : 'pending');
    const steps = Array.from({ length: STEPS }, (_, one) => aStep(one, statusOf(one)));
    return aChange('step_updated', new Date(moment), { userId, status, steps, rowVersion: index + 1 });
  });
}

function followAll(changes: WorkflowChanged[]): Tracked {
  let count = 0;
  const newId = () => String((count += 1));
  const [first, ...rest] = changes;
  if (!first) throw new Error('a story has at least one change');
  return rest.reduce<Tracked>((known, change) => follow(known, change, newId), follow(null, first, newId));
}

/** The same from the definition: each stretch of equal (step, person) that runs, and each pause, rounded down once. */
function expectedSeconds(changes: WorkflowChanged[], asOf: number): { running: number; paused: number } {
  let running = 0;
  let paused = 0;
  let since = 0;
  let state = 'none';
  const close = (moment: number): void => {
    const seconds = Math.floor((moment - since) / 1000);
    if (state === 'paused') paused += seconds;
    else if (state !== 'none') running += seconds;
  };
  for (const { at: when, workflow } of changes) {
    const step = workflow.steps.find(({ status }) => status === 'in_progress');
    const next = workflow.status === 'paused' ? 'paused' : step ? `${String(step.index)} ${workflow.userId}` : 'none';
    if (next === state) continue;
    close(Date.parse(when));
    since = Date.parse(when);
    state = next;
  }
  close(asOf);
  return { running, paused };
}

describe('for any sequence of changes', () => {
  it('the sessions add up to the running time, each rounded down once, and pauses are not in it', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 0, max: 5_000_000 }), (snapshots, later) => {
        const changes = toChanges(snapshots);
        const asOf = Date.parse(changes.at(-1)?.at ?? '') + later;

        const time = workflowTime(followAll(changes), new Date(asOf), 7200);

        const expected = expectedSeconds(changes, asOf);
        expect(time.totalSeconds).toBe(expected.running);
        expect(time.pausedSeconds).toBe(expected.paused);
        expect(time.steps.flatMap((step) => step.sessions).reduce((sum, { seconds }) => sum + seconds, 0)).toBe(
          expected.running,
        );
      }),
    );
  });

  it('sessions never overlap, and at most the last one runs', () => {
    fc.assert(
      fc.property(story, (snapshots) => {
        const { sessions } = followAll(toChanges(snapshots));

        sessions.slice(1).forEach((session, index) => {
          const previous = sessions[index];
          expect(previous?.endedAt?.getTime()).toBeLessThanOrEqual(session.startedAt.getTime());
        });
      }),
    );
  });
});

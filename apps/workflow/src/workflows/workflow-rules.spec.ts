import { describe, expect, it } from '@jest/globals';
import type { Template, Workflow } from '@qa-pms/contracts';
import {
  cancel,
  complete,
  completeStep,
  handOver,
  pause,
  reopenStep,
  resume,
  skipStep,
  startWorkflow,
  updateStep,
} from './workflow-rules.js';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 21, 9, 0, second)).toISOString();

const template: Template = {
  id: 't1',
  name: 'Bug fix',
  ticketType: 'Bug',
  description: '',
  version: 3,
  isSeeded: true,
  steps: ['Reproduce', 'Test the fix', 'Document'].map((name) => ({ name, description: '', estimateSeconds: 60 })),
  estimateSeconds: 180,
  updatedAt: at(0),
};

function started(): Workflow {
  const ticket = { key: 'DEMO-1', title: 'Login fails', type: 'Bug' };
  return startWorkflow({
    id: 'w1',
    projectId: 'p1',
    userId: 'u1',
    userDisplayName: 'Quinn',
    ticket,
    template,
    at: at(0),
  });
}

function allEnded(): Workflow {
  return [0, 1, 2].reduce((workflow, index) => completeStep(workflow, index, 'passed', {}, at(index + 1)), started());
}

describe('a new workflow', () => {
  it('has its first step in progress and keeps the version of its template', () => {
    const workflow = started();

    expect(workflow.steps.map(({ status }) => status)).toEqual(['in_progress', 'pending', 'pending']);
    expect(workflow).toMatchObject({ status: 'active', rowVersion: 1, template: { version: 3 }, startedAt: at(0) });
  });
});

describe('completing a step', () => {
  it('begins the next one at the same moment', () => {
    const workflow = completeStep(started(), 0, 'failed', { notes: 'seen' }, at(5));

    expect(workflow.steps[0]).toMatchObject({
      status: 'completed',
      outcome: 'failed',
      notes: 'seen',
      completedAt: at(5),
    });
    expect(workflow.steps[1]).toMatchObject({ status: 'in_progress', startedAt: at(5) });
    expect(workflow).toMatchObject({ currentStepIndex: 1, rowVersion: 2, updatedAt: at(5) });
  });

  it('is refused out of order, and a second time', () => {
    const workflow = completeStep(started(), 0, 'passed', {}, at(1));

    expect(() => completeStep(workflow, 2, 'passed', {}, at(2))).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_INVALID_STATE',
        message:
          'Not possible while step 2 is pending; possible: steps/complete, steps/skip, steps/reopen, pause, cancel.',
        details: {
          status: 'active',
          allowed: ['steps/complete', 'steps/skip', 'steps/reopen', 'pause', 'cancel'],
          index: 2,
          stepStatus: 'pending',
          currentStepIndex: 1,
        },
      }),
    );
    expect(() => completeStep(workflow, 0, 'passed', {}, at(2))).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_INVALID_STATE' }),
    );
  });

  it('is refused for a step that does not exist', () => {
    expect(() => completeStep(started(), 9, 'passed', {}, at(1))).toThrow(
      expect.objectContaining({ code: 'STEP_NOT_FOUND' }),
    );
  });

  it('leaves nothing in progress after the last, and the workflow active', () => {
    const workflow = allEnded();

    expect(workflow).toMatchObject({ status: 'active', currentStepIndex: 3 });
    expect(workflow.steps.some(({ status }) => status === 'in_progress')).toBe(false);
  });

  it('never goes back in time when another clock is behind', () => {
    const workflow = completeStep(completeStep(started(), 0, 'passed', {}, at(9)), 1, 'passed', {}, at(4));

    expect(workflow.updatedAt).toBe(at(9));
    expect(workflow.steps[1]?.completedAt).toBe(at(9));
  });
});

describe('skipping a step', () => {
  it('keeps the reason and has no outcome', () => {
    const workflow = skipStep(started(), 0, 'Not on staging.', at(1));

    expect(workflow.steps[0]).toMatchObject({ status: 'skipped', outcome: null, skipReason: 'Not on staging.' });
    expect(workflow.currentStepIndex).toBe(1);
  });
});

describe('reopening a step', () => {
  it('lets it go on while the one in progress waits, and keeps its notes', () => {
    const workflow = reopenStep(
      completeStep(started(), 0, 'passed', { notes: 'seen' }, at(1)),
      0,
      'By mistake.',
      at(2),
    );

    expect(workflow.steps.map(({ status }) => status)).toEqual(['in_progress', 'pending', 'pending']);
    expect(workflow.steps[0]).toMatchObject({ outcome: null, completedAt: null, startedAt: at(0) });
    expect(workflow.steps[0]?.notes).toBe('seen\n\nReopened: By mistake.');
    expect(workflow.currentStepIndex).toBe(0);
  });

  it('goes on with the first open step once it has ended again', () => {
    const reopened = reopenStep(completeStep(started(), 0, 'passed', {}, at(1)), 0, 'x', at(2));

    expect(completeStep(reopened, 0, 'passed', {}, at(3))).toMatchObject({ currentStepIndex: 1 });
  });

  it('is refused for a step that has not ended', () => {
    expect(() => reopenStep(started(), 0, 'x', at(1))).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_INVALID_STATE' }),
    );
  });
});

describe('writing in a step', () => {
  it('replaces what is given and leaves the rest', () => {
    const bugs = [{ title: 'Cut off', severity: 'low' as const }];
    const once = updateStep(started(), 2, { notes: 'a', bugs }, at(1));
    const twice = updateStep(pause(once, at(2)), 2, { notes: 'b' }, at(3));

    expect(twice.steps[2]).toMatchObject({
      notes: 'b',
      bugs: [{ title: 'Cut off', severity: 'low', component: null, endpoint: null, ticketKey: null }],
    });
  });
});

describe('pausing, resuming and cancelling', () => {
  it('follow each other', () => {
    const paused = pause(started(), at(1));
    const resumed = resume(paused, at(2));

    expect(paused).toMatchObject({ status: 'paused', pausedAt: at(1) });
    expect(resumed).toMatchObject({ status: 'active', pausedAt: null });
    expect(cancel(resumed, at(3))).toMatchObject({ status: 'cancelled', cancelledAt: at(3) });
  });

  it('note the reason in the current step, or in the last one where all have ended', () => {
    const paused = pause(started(), at(1), 'No build.');
    const cancelled = cancel(paused, at(2), 'Withdrawn.');

    expect(cancelled.steps.map(({ notes }) => notes)).toEqual([
      'Paused: No build.\n\nCancelled: Withdrawn.',
      null,
      null,
    ]);
    expect(pause(allEnded(), at(9), 'Lunch.').steps.map(({ notes }) => notes)).toEqual([null, null, 'Paused: Lunch.']);
  });

  it('are refused with a reason that the notes of the step have no room for', () => {
    const full = updateStep(started(), 0, { notes: '👩'.repeat(50_000) }, at(1));
    const paused = (times: number): Workflow =>
      Array.from({ length: times }).reduce<Workflow>(
        (workflow) => resume(pause(workflow, at(2), 'x'.repeat(2000)), at(3)),
        full,
      );
    const message =
      'steps[0].notes would be longer than 100000 characters with what is to be noted: shorten them first';

    expect(() => paused(25)).toThrow(
      expect.objectContaining({
        code: 'VALIDATION_ERROR',
        details: { violations: [{ path: 'steps[0].notes', rule: 'maxLength', message }] },
      }),
    );
    expect(pause(paused(24), at(4)).status).toBe('paused');
  });

  it('name the state and what it allows when they are not possible', () => {
    const paused = pause(started(), at(1));

    expect(() => pause(paused, at(2))).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_INVALID_STATE',
        details: { status: 'paused', allowed: ['resume', 'handover', 'cancel'] },
      }),
    );
    expect(() => resume(cancel(started(), at(1)), at(2))).toThrow(
      expect.objectContaining({ details: { status: 'cancelled', allowed: [] } }),
    );
    expect(() => resume(started(), at(1))).toThrow(
      expect.objectContaining({
        details: { status: 'active', allowed: ['steps/complete', 'steps/skip', 'pause', 'cancel'] },
      }),
    );
    expect(() => resume(allEnded(), at(9))).toThrow(
      expect.objectContaining({
        details: { status: 'active', allowed: ['steps/reopen', 'pause', 'complete', 'cancel'] },
      }),
    );
  });
});

describe('completing a workflow', () => {
  it('is refused while steps are open, and names them', () => {
    const workflow = completeStep(started(), 0, 'passed', {}, at(1));

    expect(() => complete(workflow, null, at(2))).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_STEPS_OPEN', details: { openSteps: [1, 2] } }),
    );
  });

  it.each([
    [['passed', 'blocked', 'failed'], 'failed'],
    [['passed', 'blocked', 'passed'], 'blocked'],
    [['passed', 'passed', 'passed'], 'passed'],
  ] as const)('takes the worst outcome of %j', (outcomes, worst) => {
    const ended = outcomes.reduce(
      (workflow, outcome, index) => completeStep(workflow, index, outcome, {}, at(index)),
      started(),
    );

    expect(complete(ended, null, at(9))).toMatchObject({ status: 'completed', outcome: worst, completedAt: at(9) });
  });

  it('takes the outcome that is given', () => {
    expect(complete(allEnded(), 'blocked', at(9)).outcome).toBe('blocked');
  });
});

describe('handing over', () => {
  const robin = { userId: 'u2', displayName: 'Robin' };

  it('passes a paused workflow on with a note in its current step', () => {
    const workflow = handOver(pause(started(), at(1)), { to: robin, by: 'Lee', note: 'Your turn.' }, at(2));

    expect(workflow).toMatchObject({ userId: 'u2', userDisplayName: 'Robin', status: 'paused' });
    expect(workflow.steps[0]?.notes).toBe('Handed over by Lee to Robin: Your turn.');
  });

  it('is refused while it is active', () => {
    expect(() => handOver(started(), { to: robin, by: 'Lee', note: null }, at(1))).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_INVALID_STATE' }),
    );
  });
  it('is refused to its owner', () => {
    const workflow = pause(started(), at(1));
    const owner = { userId: workflow.userId, displayName: workflow.userDisplayName };

    expect(() => handOver(workflow, { to: owner, by: 'Lee', note: null }, at(2))).toThrow(
      expect.objectContaining({ code: 'VALIDATION_ERROR' }),
    );
  });
});

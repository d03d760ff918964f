import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CancelWorkflow,
  CompleteStep,
  CompleteWorkflow,
  HandOverWorkflow,
  MemberRemoved,
  PauseWorkflow,
  ReopenStep,
  ResumeWorkflow,
  SkipStep,
  UpdateStep,
  WorkflowChanged,
} from '@qa-pms/contracts';
import { v7 as uuidv7 } from 'uuid';
import { refusedAs, team, Workflows } from './workflow.fixture.js';

let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start();
});

afterAll(() => workflows.stop());

const changesOf = async (id: string): Promise<[string, number][]> => {
  const events = await workflows.service.published(WorkflowChanged);
  return events.filter(({ workflow }) => workflow.id === id).map((event) => [event.change, event.workflow.rowVersion]);
};

describe('the steps of a workflow', () => {
  it('are done in their order, and every change is told in its order', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    const { service } = workflows;

    await service.request(CompleteStep, { id, index: 0, outcome: 'failed', notes: 'Cut off.' }, { caller });
    await service.request(SkipStep, { id, index: 1, reason: 'Not on staging.' }, { caller });
    await service.request(ReopenStep, { id, index: 0, reason: 'By mistake.' }, { caller });
    const written = await service.request(UpdateStep, { id, index: 4, notes: 'Later.' }, { caller });

    expect(written.steps.map(({ status }) => status)).toEqual([
      'in_progress',
      'skipped',
      'pending',
      'pending',
      'pending',
    ]);
    expect(written.steps[0]?.notes).toBe('Cut off.\n\nReopened: By mistake.');
    expect(written).toEqual(await workflows.get(id, caller));
    expect(await changesOf(id)).toEqual([
      ['started', 1],
      ['step_completed', 2],
      ['step_skipped', 3],
      ['step_reopened', 4],
      ['step_updated', 5],
    ]);
  });

  it('are refused out of their order, and where there is none', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);

    const complete = (index: number) => workflows.service.request(CompleteStep, { id, index }, { caller });

    await expect(complete(1)).rejects.toMatchObject(
      refusedAs('WORKFLOW_INVALID_STATE', { status: 'active', index: 1, stepStatus: 'pending', currentStepIndex: 0 }),
    );
    await expect(complete(99)).rejects.toMatchObject(refusedAs('STEP_NOT_FOUND'));
  });

  it('keep what was written in them, whatever the script', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    const odd = '  "quoted" \'it\' \\n 👩‍🔬 שלום مرحبا e\u0301 \u202e $1 %s <b>&amp;</b> \t\n';
    const content = {
      notes: odd,
      links: [{ title: odd, url: 'https://example.com/?q=%22' }],
      testsCovered: [{ source: 'testmo', id: odd, title: odd, url: null }],
      bugs: [{ title: odd, severity: 'low' as const, component: odd, endpoint: odd, ticketKey: 'DEMO-9' }],
    };

    const changed = await workflows.service.request(UpdateStep, { id, index: 2, ...content }, { caller });

    expect(changed.steps[2]).toMatchObject(content);
    expect((await workflows.get(id, caller)).steps[2]).toMatchObject(content);
  });

  it('are not changed where the caller has read an older version', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    await workflows.service.request(UpdateStep, { id, index: 0, notes: 'a', expectedVersion: 1 }, { caller });

    const late = workflows.service.request(UpdateStep, { id, index: 0, notes: 'b', expectedVersion: 1 }, { caller });

    await expect(late).rejects.toMatchObject(refusedAs('PRECONDITION_FAILED', { rowVersion: 2 }));
    expect((await workflows.get(id, caller)).steps[0]?.notes).toBe('a');
  });
});

describe('a pause', () => {
  it('holds the steps until the workflow is resumed', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    const paused = await workflows.service.request(PauseWorkflow, { id, reason: 'No build.' }, { caller });

    await expect(workflows.service.request(CompleteStep, { id, index: 0 }, { caller })).rejects.toMatchObject(
      refusedAs('WORKFLOW_INVALID_STATE', { status: 'paused' }),
    );
    const resumed = await workflows.service.request(ResumeWorkflow, { id }, { caller });

    expect(paused).toMatchObject({ status: 'paused', pausedAt: paused.updatedAt });
    expect(resumed).toMatchObject({ status: 'active', pausedAt: null });
    expect(resumed.steps[0]?.notes).toBe('Paused: No build.');
  });
});

describe('notes as long as they may be', () => {
  it('leave room for the reasons of what is done next', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    const notes = 'a'.repeat(50_000);
    await workflows.service.request(UpdateStep, { id, index: 0, notes }, { caller });

    const paused = await workflows.service.request(PauseWorkflow, { id, reason: 'Waiting.' }, { caller });

    expect(paused.steps[0]?.notes).toBe(`${notes}\n\nPaused: Waiting.`);
    const [told] = (await workflows.service.published(WorkflowChanged))
      .filter(({ change }) => change === 'paused')
      .slice(-1);
    expect(told?.workflow).toEqual(paused);
  });
});

describe('a cancelled workflow', () => {
  it('keeps its reason, has no report and allows nothing more', async () => {
    const { quinn: caller } = team();
    const workflow = await workflows.begin(caller);
    const { id } = workflow;

    const cancelled = await workflows.service.request(CancelWorkflow, { id, reason: 'Withdrawn.' }, { caller });
    await workflows.timed(workflow, [60]);

    expect(cancelled).toMatchObject({ status: 'cancelled', cancelledAt: cancelled.updatedAt });
    expect(cancelled.steps[0]?.notes).toBe('Cancelled: Withdrawn.');
    await expect(workflows.reportOf(id, caller)).rejects.toMatchObject(refusedAs('REPORT_NOT_FOUND'));
    await expect(workflows.service.request(ResumeWorkflow, { id }, { caller })).rejects.toMatchObject(
      refusedAs('WORKFLOW_INVALID_STATE', { status: 'cancelled', allowed: [] }),
    );
  });
});

describe('the completion of a workflow', () => {
  it('is refused while steps are open, and names them', async () => {
    const { quinn: caller } = team();
    const { id } = await workflows.begin(caller);
    await workflows.service.request(CompleteStep, { id, index: 0 }, { caller });

    await expect(workflows.service.request(CompleteWorkflow, { id }, { caller })).rejects.toMatchObject(
      refusedAs('WORKFLOW_STEPS_OPEN', { openSteps: [1, 2, 3, 4] }),
    );
  });
});

describe('a handover', () => {
  const handOver = (id: string, toUserId: string, caller: ReturnType<typeof team>['quinn'], note?: string) =>
    workflows.service.request(HandOverWorkflow, { id, toUserId, ...(note && { note }) }, { caller });

  async function paused(caller: ReturnType<typeof team>['quinn']): Promise<string> {
    const { id } = await workflows.begin(caller);
    await workflows.service.request(PauseWorkflow, { id }, { caller });
    return id;
  }

  it('passes a paused workflow with its notes to another member, who goes on', async () => {
    const { quinn, robin } = team();
    workflows.neighbours.members.set(robin.userId, ['qa']);
    const id = await paused(quinn);

    const workflow = await handOver(id, robin.userId, quinn, 'Your turn.');

    expect(workflow).toMatchObject({ userId: robin.userId, userDisplayName: 'Robin Okafor', status: 'paused' });
    expect(workflow.steps[0]?.notes).toBe('Handed over by Quinn Abara to Robin Okafor: Your turn.');
    await expect(workflows.service.request(ResumeWorkflow, { id }, { caller: robin })).resolves.toMatchObject({
      status: 'active',
    });
    await expect(workflows.get(id, quinn)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
  });

  it('counts the roles that a member has in the whole installation', async () => {
    const { quinn, robin } = team();
    workflows.neighbours.members.set(robin.userId, ['user']);
    workflows.neighbours.installationRoles.set(robin.userId, ['qa']);

    const workflow = await handOver(await paused(quinn), robin.userId, quinn);

    expect(workflow.userId).toBe(robin.userId);
  });

  it('is refused to whoever has one on the ticket, and names that one', async () => {
    const { quinn, robin } = team();
    workflows.neighbours.members.set(robin.userId, ['qa']);
    const id = await paused(quinn);
    const busy = await workflows.begin(robin);

    await expect(handOver(id, robin.userId, quinn)).rejects.toMatchObject(
      refusedAs('WORKFLOW_ALREADY_ACTIVE', { workflowId: busy.id, status: 'active' }),
    );
  });

  it('is refused to strangers and to members who may not work on it', async () => {
    const { quinn, robin } = team();
    const id = await paused(quinn);

    await expect(handOver(id, robin.userId, quinn)).rejects.toMatchObject(refusedAs('MEMBER_NOT_FOUND'));
    workflows.neighbours.members.set(robin.userId, ['pm']);
    const refusal = await handOver(id, robin.userId, quinn).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'MEMBER_LACKS_PERMISSION',
      details: { userId: robin.userId, permission: 'workflows:write' },
      kind: { status: 409 },
      message: expect.stringContaining(`Member ${robin.userId} lacks the permission workflows:write`),
    });
  });

  it('is refused while the workflow is active', async () => {
    const { quinn, robin } = team();
    workflows.neighbours.members.set(robin.userId, ['qa']);
    const { id } = await workflows.begin(quinn);

    await expect(handOver(id, robin.userId, quinn)).rejects.toMatchObject(refusedAs('WORKFLOW_INVALID_STATE'));
  });

  it('tells a third person nothing of a workflow that is not theirs', async () => {
    const { project, quinn, robin } = team();
    const third = { ...team().quinn, projectId: project };
    workflows.neighbours.members.set(robin.userId, ['qa']);
    const id = await paused(quinn);
    await workflows.begin(robin);

    await expect(handOver(id, robin.userId, third)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
  });
});

describe('a member who is removed', () => {
  it('has the active workflows of that project paused, wherever the remover works, and a lead hands them over', async () => {
    const { project, quinn, robin, lead } = team();
    workflows.neighbours.members.set(robin.userId, ['qa']);
    const { id } = await workflows.begin(quinn);
    const other = await workflows.begin({ ...quinn, projectId: uuidv7() });

    await workflows.service.deliver(MemberRemoved, { projectId: project, userId: quinn.userId }, { projectId: null });

    await expect(workflows.get(id, lead)).resolves.toMatchObject({ status: 'paused', rowVersion: 2 });
    const elsewhere = { ...quinn, projectId: other.projectId };
    await expect(workflows.get(other.id, elsewhere)).resolves.toMatchObject({ status: 'active' });
    await expect(handOverTo(id, robin.userId, lead)).resolves.toMatchObject({ userId: robin.userId });
  });

  const handOverTo = (id: string, toUserId: string, caller: ReturnType<typeof team>['lead']) =>
    workflows.service.request(HandOverWorkflow, { id, toUserId }, { caller });
});

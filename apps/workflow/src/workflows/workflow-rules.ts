import {
  AppError,
  MAX_STEP_NOTES,
  type Outcome,
  type StepContent,
  type Template,
  type Ticket,
  type Workflow,
  type WORKFLOW_CHANGES,
  type WorkflowStatus,
  type WorkflowStep,
} from '@qa-pms/contracts';

export type ChangeName = (typeof WORKFLOW_CHANGES)[number];

/** Worse outcomes come first. */
const WORST: Outcome[] = ['failed', 'blocked', 'passed'];

/** A new workflow, with its first step in progress. */
export function startWorkflow(facts: {
  id: string;
  projectId: string;
  userId: string;
  userDisplayName: string;
  ticket: Pick<Ticket, 'key' | 'title' | 'type'>;
  template: Template;
  at: string;
}): Workflow {
  const { id, projectId, userId, userDisplayName, ticket, template, at } = facts;
  return {
    id,
    projectId,
    ticketKey: ticket.key,
    ticketTitle: ticket.title,
    ticketType: ticket.type,
    template: { id: template.id, name: template.name, version: template.version },
    userId,
    userDisplayName,
    status: 'active',
    currentStepIndex: 0,
    steps: template.steps.map(({ name, description, estimateSeconds }, index) => ({
      index,
      name,
      description,
      estimateSeconds,
      status: index === 0 ? 'in_progress' : 'pending',
      outcome: null,
      notes: null,
      links: [],
      testsCovered: [],
      bugs: [],
      skipReason: null,
      startedAt: index === 0 ? at : null,
      completedAt: null,
    })),
    outcome: null,
    startedAt: at,
    pausedAt: null,
    completedAt: null,
    cancelledAt: null,
    updatedAt: at,
    rowVersion: 1,
  };
}

/** Ends the current step with an outcome; the next one begins at the same moment. */
export function completeStep(
  workflow: Workflow,
  index: number,
  outcome: Outcome,
  content: StepContent,
  at: string,
): Workflow {
  const step = currentStep(workflow, index);
  return endStep(workflow, { ...step, ...written(content), status: 'completed', outcome, completedAt: at }, at);
}

/** Ends the current step without an outcome. */
export function skipStep(workflow: Workflow, index: number, reason: string, at: string): Workflow {
  const step = currentStep(workflow, index);
  return endStep(workflow, { ...step, status: 'skipped', skipReason: reason, completedAt: at }, at);
}

/** An ended step goes on; the one in progress waits until its turn comes again. */
export function reopenStep(workflow: Workflow, index: number, reason: string, at: string): Workflow {
  demand(workflow, 'active');
  const step = stepOf(workflow, index);
  if (step.completedAt === null) throw notNow(workflow, step);
  const { notes } = withNote(step, `Reopened: ${reason}`);
  const steps = workflow.steps.map((other): WorkflowStep => {
    if (other.index === index)
      return {
        ...step,
        status: 'in_progress',
        outcome: null,
        skipReason: null,
        completedAt: null,
        startedAt: step.startedAt ?? at,
        notes,
      };
    return other.status === 'in_progress' ? { ...other, status: 'pending' } : other;
  });
  return changed({ ...workflow, steps, currentStepIndex: index }, at);
}

/** Writes what was found in any step, while the workflow is open. */
export function updateStep(workflow: Workflow, index: number, content: StepContent, at: string): Workflow {
  demand(workflow, 'active', 'paused');
  const step = stepOf(workflow, index);
  return changed({ ...workflow, steps: withStep(workflow, { ...step, ...written(content) }) }, at);
}

/** Stops the clock; a reason is noted in the current step. */
export function pause(workflow: Workflow, at: string, reason: string | null = null): Workflow {
  demand(workflow, 'active');
  const next = changed({ ...workflow, steps: reasoned(workflow, 'Paused', reason) }, at);
  return { ...next, status: 'paused', pausedAt: next.updatedAt };
}

export function resume(workflow: Workflow, at: string): Workflow {
  demand(workflow, 'paused');
  return changed({ ...workflow, status: 'active', pausedAt: null }, at);
}

/** Ends it without a report; a reason is noted in the current step. */
export function cancel(workflow: Workflow, at: string, reason: string | null = null): Workflow {
  demand(workflow, 'active', 'paused');
  const next = changed({ ...workflow, steps: reasoned(workflow, 'Cancelled', reason) }, at);
  return { ...next, status: 'cancelled', pausedAt: null, cancelledAt: next.updatedAt };
}

/** Completes a workflow whose steps have all ended; without an outcome the worst of the steps counts. */
export function complete(workflow: Workflow, outcome: Outcome | null, at: string): Workflow {
  demand(workflow, 'active');
  const openSteps = workflow.steps.filter(isOpen).map(({ index }) => index);
  if (openSteps.length > 0) throw new AppError('WORKFLOW_STEPS_OPEN', { openSteps });
  const worst = WORST.find((one) => workflow.steps.some((step) => step.outcome === one)) ?? 'passed';
  const next = changed(workflow, at);
  return { ...next, status: 'completed', outcome: outcome ?? worst, completedAt: next.updatedAt };
}

/** Passes a paused workflow on, with a note in its current step. Throws VALIDATION_ERROR where its owner is named. */
export function handOver(
  workflow: Workflow,
  { to, by, note }: { to: { userId: string; displayName: string }; by: string; note: string | null },
  at: string,
): Workflow {
  demand(workflow, 'paused');
  if (to.userId === workflow.userId)
    throw AppError.invalid('toUserId', 'isOther', 'toUserId must be somebody else than the owner');
  const text = `Handed over by ${by} to ${to.displayName}${note === null ? '.' : `: ${note}`}`;
  const steps = noted(workflow, text);
  return changed({ ...workflow, userId: to.userId, userDisplayName: to.displayName, steps }, at);
}

function endStep(workflow: Workflow, ended: WorkflowStep, at: string): Workflow {
  const next = changed(workflow, at);
  const steps = withStep(next, { ...ended, completedAt: next.updatedAt });
  const following = steps.find(({ status }) => status === 'pending');
  if (!following) return { ...next, steps, currentStepIndex: steps.length };
  const begun: WorkflowStep = { ...following, status: 'in_progress', startedAt: following.startedAt ?? next.updatedAt };
  return { ...next, steps: withStep({ ...next, steps }, begun), currentStepIndex: following.index };
}

/** One change more; time never runs backwards, whichever instance's clock it was. */
function changed(workflow: Workflow, at: string): Workflow {
  return {
    ...workflow,
    rowVersion: workflow.rowVersion + 1,
    updatedAt: at > workflow.updatedAt ? at : workflow.updatedAt,
  };
}

function reasoned(workflow: Workflow, what: string, reason: string | null): WorkflowStep[] {
  return reason === null ? workflow.steps : noted(workflow, `${what}: ${reason}`);
}

/** The steps with a note in the current one; in the last one where all have ended. */
function noted(workflow: Workflow, text: string): WorkflowStep[] {
  const { steps, currentStepIndex } = workflow;
  const current = Math.min(currentStepIndex, steps.length - 1);
  return steps.map((step) => (step.index === current ? withNote(step, text) : step));
}

/** Throws VALIDATION_ERROR where the notes have no room for the text. */
function withNote(step: WorkflowStep, text: string): WorkflowStep {
  const notes = step.notes ? `${step.notes}\n\n${text}` : text;
  if (isLonger(notes, MAX_STEP_NOTES)) {
    const path = `steps[${String(step.index)}].notes`;
    const message = `${path} would be longer than ${String(MAX_STEP_NOTES)} characters with what is to be noted: shorten them first`;
    throw AppError.invalid(path, 'maxLength', message);
  }
  return { ...step, notes };
}

/** In characters, as contracts count them: an emoji is one, not two. */
function isLonger(text: string, limit: number): boolean {
  return text.length > limit && [...text].length > limit;
}

function withStep(workflow: Workflow, step: WorkflowStep): WorkflowStep[] {
  return workflow.steps.map((other) => (other.index === step.index ? step : other));
}

/** What was given replaces what was there; what was left out stays. */
function written({ notes, links, testsCovered, bugs }: StepContent): Partial<WorkflowStep> {
  return {
    ...(notes !== undefined && { notes }),
    ...(links && { links }),
    ...(testsCovered && { testsCovered: testsCovered.map((test) => ({ ...test, url: test.url ?? null })) }),
    ...(bugs && {
      bugs: bugs.map((bug) => ({
        ...bug,
        component: bug.component ?? null,
        endpoint: bug.endpoint ?? null,
        ticketKey: bug.ticketKey ?? null,
      })),
    }),
  };
}

function currentStep(workflow: Workflow, index: number): WorkflowStep {
  demand(workflow, 'active');
  const step = stepOf(workflow, index);
  if (step.status !== 'in_progress') throw notNow(workflow, step);
  return step;
}

function stepOf(workflow: Workflow, index: number): WorkflowStep {
  const step = workflow.steps[index];
  if (!step) throw new AppError('STEP_NOT_FOUND', { index, steps: workflow.steps.length });
  return step;
}

function demand(workflow: Workflow, ...statuses: WorkflowStatus[]): void {
  if (!statuses.includes(workflow.status)) throw notNow(workflow);
}

/** Names the state, and the step that is in the way where one is. */
function notNow(workflow: Workflow, step?: WorkflowStep): AppError {
  const { status, currentStepIndex } = workflow;
  const allowed = transitionsOf(workflow);
  if (!step) return new AppError('WORKFLOW_INVALID_STATE', { status, allowed });
  const { index, status: stepStatus } = step;
  return new AppError('WORKFLOW_INVALID_STATE', { status, allowed, index, stepStatus, currentStepIndex });
}

/** What may be done next, by the names of the routes. */
function transitionsOf({ status, steps }: Workflow): string[] {
  if (status === 'paused') return ['resume', 'handover', 'cancel'];
  if (status !== 'active') return [];
  const [open, ended] = [steps.some(isOpen), steps.some((step) => !isOpen(step))];
  return [
    ...(open ? ['steps/complete', 'steps/skip'] : []),
    ...(ended ? ['steps/reopen'] : []),
    'pause',
    ...(open ? [] : ['complete']),
    'cancel',
  ];
}

function isOpen({ completedAt }: WorkflowStep): boolean {
  return completedAt === null;
}

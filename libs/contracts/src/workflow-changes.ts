import {
  BooleanField,
  EnumField,
  IdField,
  IntegerField,
  ListField,
  ObjectField,
  TextField,
  TimeField,
} from './fields.js';
import type { ErrorCode } from './errors.js';
import { command, event } from './message.js';
import type { Outcome } from './workflows.js';
import { JIRA_FAILURES, TicketKeyField } from './tickets.js';
import { OUTCOMES } from './workflows.js';
import { StepContent } from './workflows.js';
import { Workflow } from './workflows.js';

export class StartedWorkflow {
  @ObjectField(() => Workflow, { description: 'The workflow.' })
  workflow!: Workflow;

  @EnumField({ description: 'Whether it is new or was resumed.', values: ['started', 'resumed'] })
  result!: 'started' | 'resumed';
}

export class StartWorkflow extends command({
  service: 'workflow',
  name: 'start-workflow',
  reply: StartedWorkflow,
  permission: 'workflows:write',
  key: 'ticketKey',
  isPersonal: true,
  // One that is resumed or restarted is told of whole, and may have grown to the limit.
  errors: ['TICKET_NOT_FOUND', 'TEMPLATE_NOT_FOUND', 'WORKFLOW_ALREADY_ACTIVE', 'CONTENT_TOO_LARGE', ...JIRA_FAILURES],
}) {
  @TicketKeyField()
  ticketKey!: string;

  @IdField({ description: "Template; without it the ticket's type chooses.", optional: true })
  templateId?: string;

  @EnumField({
    description: 'What to do when one is active already.',
    values: ['reject', 'resume', 'restart'],
    optional: true,
  })
  onActive?: 'reject' | 'resume' | 'restart';
}

class WorkflowTarget {
  @IdField({ description: 'The workflow.' })
  id!: string;

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 3 })
  expectedVersion?: number;
}

class StepTarget extends StepContent {
  @IdField({ description: 'The workflow.' })
  id!: string;

  @IntegerField({ description: 'Index of the step, from 0.', max: 999, example: 0 })
  index!: number;

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 3 })
  expectedVersion?: number;
}

/** What all changes of one workflow have in common: its reply, its permission, its order, what may stand in the way. */
const change = (name: string, errors: readonly ErrorCode[] = []) => ({
  service: 'workflow' as const,
  name,
  reply: Workflow,
  permission: 'workflows:write' as const,
  key: 'id',
  errors: [
    'WORKFLOW_NOT_FOUND',
    'WORKFLOW_INVALID_STATE',
    'PRECONDITION_FAILED',
    'CONTENT_TOO_LARGE',
    ...errors,
  ] as const,
});

const stepChange = (name: string) => change(name, ['STEP_NOT_FOUND']);

export class CompleteStep extends command(stepChange('complete-step'), StepTarget) {
  @EnumField({ description: 'Outcome.', values: OUTCOMES, optional: true })
  outcome?: Outcome;
}

export class SkipStep extends command(stepChange('skip-step'), WorkflowTarget) {
  @IntegerField({ description: 'Index of the step, from 0.', max: 999, example: 0 })
  index!: number;

  @TextField({ description: 'Why.', max: 2000, example: 'Not reachable on staging.' })
  reason!: string;
}

/** A step that was ended by mistake goes on; the one in progress waits. */
export class ReopenStep extends command(stepChange('reopen-step'), WorkflowTarget) {
  @IntegerField({ description: 'Index of the step, from 0.', max: 999, example: 0 })
  index!: number;

  @TextField({ description: 'Why.', max: 2000, example: 'Ended by mistake.' })
  reason!: string;
}

/** Writes notes, links, tests and bugs; what is left out stays. */
export class UpdateStep extends command(stepChange('update-step'), StepTarget) {}

export class PauseWorkflow extends command(change('pause-workflow'), WorkflowTarget) {
  @TextField({ description: 'Why.', max: 2000, optional: true, example: 'Waiting for a build.' })
  reason?: string;
}

export class ResumeWorkflow extends command(change('resume-workflow'), WorkflowTarget) {}

export class CancelWorkflow extends command(change('cancel-workflow'), WorkflowTarget) {
  @TextField({ description: 'Why.', max: 2000, optional: true, example: 'Ticket withdrawn.' })
  reason?: string;
}

export class GapReason {
  @IntegerField({ description: 'Index of the step, from 0.', max: 999, example: 1 })
  stepIndex!: number;

  @TextField({ description: 'Why it took longer.', max: 2000, example: 'Environment was down.' })
  reason!: string;
}

export class CompleteWorkflow extends command(change('complete-workflow', ['WORKFLOW_STEPS_OPEN']), WorkflowTarget) {
  @EnumField({ description: 'Outcome; by default the worst of the steps.', values: OUTCOMES, optional: true })
  outcome?: Outcome;

  @ListField(() => GapReason, { description: 'Why steps took longer.', optional: true })
  gapReasons?: GapReason[];

  @BooleanField({
    description: 'Post the report to the ticket as a comment, once its times are in.',
    optional: true,
    example: false,
  })
  postToTicket?: boolean;

  @TextField({ description: 'Transition to apply to the ticket.', max: 50, optional: true, example: '41' })
  transitionId?: string;
}

/** Passes a paused workflow on to somebody else, who must be permitted to work on it. */
export class HandOverWorkflow extends command(
  change('hand-over-workflow', ['MEMBER_NOT_FOUND', 'MEMBER_LACKS_PERMISSION', 'WORKFLOW_ALREADY_ACTIVE']),
  WorkflowTarget,
) {
  @IdField({ description: 'Member to pass it to.' })
  toUserId!: string;

  @TextField({
    description: 'Note for them, appended to the current step.',
    max: 5000,
    optional: true,
    example: 'Left at step 3.',
  })
  note?: string;
}

export const WORKFLOW_CHANGES = [
  'started',
  'step_completed',
  'step_skipped',
  'step_reopened',
  'step_updated',
  'paused',
  'resumed',
  'handed_over',
  'completed',
  'cancelled',
] as const;

/** Every change of a workflow: what happened, when, and how the workflow stands after it. */
export class WorkflowChanged extends event({ service: 'workflow', name: 'workflow-changed', key: 'workflow.id' }) {
  @EnumField({ description: 'What happened.', values: WORKFLOW_CHANGES })
  change!: (typeof WORKFLOW_CHANGES)[number];

  @TimeField({ description: 'When; never before an earlier change of the same workflow.' })
  at!: string;

  @ObjectField(() => Workflow, { description: 'The workflow after it.' })
  workflow!: Workflow;
}

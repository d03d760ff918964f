import { EnumField, IdField, IntegerField, ListField, ObjectField, TextField, TimeField } from './fields.js';
import { query } from './message.js';
import { MAX_UNPAGED_ROWS, pageOf, PageQuery, SortField, sortsOf } from './paging.js';
import { TicketKeyField } from './tickets.js';

export const WORKFLOW_STATUSES = ['active', 'paused', 'completed', 'cancelled'] as const;

export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];
export const STEP_STATUSES = ['pending', 'in_progress', 'completed', 'skipped'] as const;

export type StepStatus = (typeof STEP_STATUSES)[number];
export const OUTCOMES = ['passed', 'failed', 'blocked'] as const;

export type Outcome = (typeof OUTCOMES)[number];
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

export class StepLink {
  @TextField({ description: 'Title.', max: 500, example: 'Log of the failing run' })
  title!: string;

  @TextField({
    description: 'Address (http or https).',
    max: 2000,
    pattern: /^https?:\/\/[^\s]+$/,
    example: 'https://ci.example.com/run/1',
  })
  url!: string;
}

export class CoveredTest {
  @TextField({ description: 'Where it comes from.', max: 50, example: 'testmo' })
  source!: string;

  @TextField({ description: 'Its id there.', max: 200, example: '4711' })
  id!: string;

  @TextField({ description: 'Title.', max: 500, example: 'Login with a plus sign' })
  title!: string;

  @TextField({
    description: 'Address.',
    max: 2000,
    nullable: true,
    pattern: /^https?:\/\/[^\s]+$/,
    example: 'https://example.testmo.net/cases/4711',
  })
  url!: string | null;
}

export class FoundBug {
  @TextField({ description: 'Title.', max: 500, example: 'Validation message is cut off' })
  title!: string;

  @EnumField({ description: 'Severity.', values: SEVERITIES, example: 'medium' })
  severity!: (typeof SEVERITIES)[number];

  @TextField({ description: 'Component.', max: 300, optional: true, nullable: true, example: 'booking' })
  component?: string | null;

  @TextField({ description: 'Endpoint.', max: 500, optional: true, nullable: true, example: 'POST /bookings' })
  endpoint?: string | null;

  @TicketKeyField({ description: 'Ticket that was opened for it.', optional: true })
  ticketKey?: string | null;
}

/**
 * Longest notes of a step, characters: twice what is written at once, so that the reasons of pausing, reopening and
 * handing over always find room behind it.
 */
export const MAX_STEP_NOTES = 100_000;

/** Tests that a step covers at most. */
export const MAX_STEP_TESTS = 500;

/** What a person may write down in a step. A field added here is added to WorkflowStep and to workflow-rules.ts as well; the database needs no change. */
export class StepContent {
  @TextField({
    description: 'Notes, Markdown.',
    max: 50_000,
    min: 0,
    optional: true,
    nullable: true,
    example: 'Only with Firefox.',
  })
  notes?: string | null;

  @ListField(() => StepLink, { description: 'Links.', optional: true })
  links?: StepLink[];

  @ListField(() => CoveredTest, { description: 'Tests covered.', optional: true, maxItems: MAX_STEP_TESTS })
  testsCovered?: CoveredTest[];

  @ListField(() => FoundBug, { description: 'Bugs found.', optional: true })
  bugs?: FoundBug[];
}

export class WorkflowStep {
  @IntegerField({ description: 'Index, from 0.', example: 0 })
  index!: number;

  @TextField({ description: 'Name.', max: 200, example: 'Reproduce' })
  name!: string;

  @TextField({ description: 'What to do, Markdown.', max: 10_000, min: 0, example: 'Follow the steps of the ticket.' })
  description!: string;

  @IntegerField({ description: 'Estimate in seconds.', example: 900 })
  estimateSeconds!: number;

  @EnumField({ description: 'Status.', values: STEP_STATUSES, example: 'in_progress' })
  status!: StepStatus;

  @EnumField({
    description: 'Outcome; null while open or skipped.',
    values: OUTCOMES,
    nullable: true,
    example: 'passed',
  })
  outcome!: Outcome | null;

  @TextField({
    description: 'Notes, Markdown: what was written, and behind it the reasons of pausing, reopening and handing over.',
    max: MAX_STEP_NOTES,
    min: 0,
    nullable: true,
    example: null,
  })
  notes!: string | null;

  @ListField(() => StepLink, { description: 'Links.' })
  links!: StepLink[];

  @ListField(() => CoveredTest, { description: 'Tests covered.', maxItems: MAX_STEP_TESTS })
  testsCovered!: CoveredTest[];

  @ListField(() => FoundBug, { description: 'Bugs found.' })
  bugs!: FoundBug[];

  @TextField({ description: 'Why it was skipped.', max: 2000, nullable: true, example: null })
  skipReason!: string | null;

  @TimeField({ description: 'When it was first started.', nullable: true })
  startedAt!: string | null;

  @TimeField({ description: 'When it was completed or skipped.', nullable: true })
  completedAt!: string | null;
}

export class TemplateRef {
  @IdField({ description: 'The template.' })
  id!: string;

  @TextField({ description: 'Its name.', max: 200, example: 'Bug fix' })
  name!: string;

  @IntegerField({ description: 'The version this workflow started with.', example: 1 })
  version!: number;
}

export class Workflow {
  @IdField({ description: 'The workflow.' })
  id!: string;

  @IdField({ description: 'Its project.' })
  projectId!: string;

  @TicketKeyField()
  ticketKey!: string;

  @TextField({ description: 'Title of the ticket when it started.', max: 1000, example: 'Login fails' })
  ticketTitle!: string;

  @TextField({ description: 'Type of the ticket when it started.', max: 200, example: 'Bug' })
  ticketType!: string;

  @ObjectField(() => TemplateRef, { description: 'The template it follows.' })
  template!: TemplateRef;

  @IdField({ description: 'Who works on it.' })
  userId!: string;

  @TextField({ description: 'Name of who works on it.', max: 200, example: 'Quinn Abara' })
  userDisplayName!: string;

  @EnumField({ description: 'Status.', values: WORKFLOW_STATUSES })
  status!: WorkflowStatus;

  @IntegerField({ description: 'The step in progress; the number of steps when all have ended.', example: 0 })
  currentStepIndex!: number;

  @ListField(() => WorkflowStep, { description: 'All steps.' })
  steps!: WorkflowStep[];

  @EnumField({ description: 'Outcome of the whole.', values: OUTCOMES, nullable: true, example: null })
  outcome!: Outcome | null;

  @TimeField({ description: 'When it started.' })
  startedAt!: string;

  @TimeField({ description: 'When it was paused, while it is.', nullable: true })
  pausedAt!: string | null;

  @TimeField({ description: 'When it was completed.', nullable: true })
  completedAt!: string | null;

  @TimeField({ description: 'When it was cancelled.', nullable: true })
  cancelledAt!: string | null;

  @TimeField({ description: 'When it was last changed.' })
  updatedAt!: string;

  @IntegerField({ description: 'Grows by one with every change; also the ETag.', example: 1 })
  rowVersion!: number;
}

export const WORKFLOW_SORTS = sortsOf('started_at', 'updated_at', 'status');

export class ListWorkflows extends query(
  { service: 'workflow', name: 'list-workflows', reply: pageOf(Workflow), permission: 'workflows:write' },
  PageQuery,
) {
  @EnumField({ description: 'Only this status.', values: WORKFLOW_STATUSES, optional: true })
  status?: WorkflowStatus;

  @IdField({
    description: 'Only of this user; others need `workflows:read`. Default: oneself, or all with that permission.',
    optional: true,
  })
  userId?: string;

  @TicketKeyField({ description: 'Only of this ticket.', optional: true })
  ticketKey?: string;

  @IdField({ description: 'Only of this template.', optional: true })
  templateId?: string;

  @TimeField({ description: 'Started at or after.', optional: true })
  from?: string;

  @TimeField({ description: 'Started before.', optional: true })
  to?: string;

  @SortField(WORKFLOW_SORTS, '-started_at')
  sortBy?: (typeof WORKFLOW_SORTS)[number];
}

/** WORKFLOW_NOT_FOUND also for the workflow of another, without `workflows:read`. */
export class GetWorkflow extends query({
  service: 'workflow',
  name: 'get-workflow',
  reply: Workflow,
  permission: 'workflows:write',
  errors: ['WORKFLOW_NOT_FOUND'],
}) {
  @IdField({ description: 'The workflow.' })
  id!: string;
}

export class OtherWorkflow {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
  @IdField({ description: 'Who works on it.' })
  userId!: string;
  @TextField({ description: 'Their name.', max: 200, example: 'Robin Okafor' })
  displayName!: string;
  @EnumField({ description: 'Status.', values: WORKFLOW_STATUSES })
  status!: WorkflowStatus;
}

export class ActiveWorkflows {
  @ObjectField(() => Workflow, { description: "The caller's own active or paused one.", nullable: true })
  own!: Workflow | null;

  @ListField(() => OtherWorkflow, { description: 'Those of others on the ticket.', maxItems: MAX_UNPAGED_ROWS })
  others!: OtherWorkflow[];
}

export class GetActiveWorkflows extends query({
  service: 'workflow',
  name: 'get-active-workflows',
  reply: ActiveWorkflows,
  permission: 'tickets:read',
  errors: ['ANSWER_TOO_LARGE'],
}) {
  @TicketKeyField()
  ticketKey!: string;
}

/** The caller's active and paused workflows. */
export class ListMyActiveWorkflows extends query(
  { service: 'workflow', name: 'list-my-active-workflows', reply: pageOf(Workflow), permission: 'workflows:write' },
  PageQuery,
) {
  @SortField(WORKFLOW_SORTS, '-updated_at')
  sortBy?: (typeof WORKFLOW_SORTS)[number];
}

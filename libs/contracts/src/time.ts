import {
  EnumField,
  IdField,
  IntegerField,
  ListField,
  NumberField,
  ObjectField,
  TextField,
  TimeField,
} from './fields.js';
import { command, event, query } from './message.js';

/** ok: at most 100 % of the estimate, warning: at most 120 %, over: more. */
export const BANDS = ['ok', 'warning', 'over'] as const;

export type Band = (typeof BANDS)[number];
export class TimeSession {
  @IdField({ description: 'The session.' })
  id!: string;

  @TimeField({ description: 'Start.' })
  startedAt!: string;

  @TimeField({ description: 'End; null while it runs.', nullable: true })
  endedAt!: string | null;

  @IntegerField({ description: 'Whole seconds, rounded down once; up to `asOf` while it runs.', example: 312 })
  seconds!: number;
}

export class StepTime {
  @IntegerField({ description: 'Index of the step, from 0.', example: 0 })
  index!: number;

  @TextField({ description: 'Its name.', max: 200, example: 'Reproduce' })
  name!: string;

  @IntegerField({ description: 'Sum of its sessions.', example: 312 })
  seconds!: number;

  @IntegerField({ description: 'Estimate in seconds.', example: 900 })
  estimateSeconds!: number;

  @NumberField({ description: 'Actual to estimate; null without an estimate.', nullable: true, example: 0.347 })
  ratio!: number | null;

  @EnumField({ description: 'Band.', values: BANDS })
  band!: Band;

  @ListField(() => TimeSession, { description: 'Its sessions, in their order.', maxItems: 10_000 })
  sessions!: TimeSession[];
}

export class CutProposal {
  @IdField({ description: 'The session.' })
  sessionId!: string;

  @EnumField({
    description: 'Idle: no action for 2 h. Overnight: it spans 00:00 to 06:00 of the person.',
    values: ['idle', 'overnight'],
  })
  kind!: 'idle' | 'overnight';

  @TimeField({ description: 'Proposed end: the last action before nothing happened.' })
  cutAt!: string;

  @TimeField({
    description:
      'The next action of the session; null where none has come. Work from then on is in the same session: to keep it, correct to an end that is earlier by the time from `cutAt` to here.',
    nullable: true,
    optional: true,
  })
  resumedAt!: string | null;
}

/** Of a workflow whose changes are many and far apart there are more. */
export const MAX_PROPOSALS = 1000;

/** The times of a workflow. `totalSeconds` is the sum of all sessions; pauses are not in it. */
export class WorkflowTime {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;

  @IntegerField({ description: 'Sum of all sessions.', example: 1200 })
  totalSeconds!: number;

  @IntegerField({ description: 'Seconds paused.', example: 60 })
  pausedSeconds!: number;

  @IntegerField({ description: 'Sum of the estimates.', example: 5400 })
  estimateSeconds!: number;

  @NumberField({ description: 'Actual to estimate; null without an estimate.', nullable: true, example: 0.222 })
  ratio!: number | null;

  @EnumField({ description: 'Band.', values: BANDS })
  band!: Band;

  @ListField(() => StepTime, { description: 'Every step.', maxItems: 1000 })
  steps!: StepTime[];

  @ListField(() => CutProposal, {
    description: 'Sessions that were probably left running; the latest.',
    maxItems: MAX_PROPOSALS,
  })
  proposals!: CutProposal[];

  @IntegerField({ description: 'The `rowVersion` of the workflow that this knows.', example: 7 })
  rowVersion!: number;

  @TimeField({ description: 'When this was computed.' })
  asOf!: string;
}

/** UPSTREAM_TIMEOUT: the change named by `afterRowVersion` did not arrive within 2 s. */
export class GetWorkflowTime extends query({
  service: 'tracking',
  name: 'get-workflow-time',
  reply: WorkflowTime,
  permission: 'workflows:write',
  errors: ['WORKFLOW_NOT_FOUND'],
}) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;

  @IntegerField({ description: 'Wait until this `rowVersion` has arrived.', optional: true, example: 7 })
  afterRowVersion?: number;
}

export class ActiveSession {
  @IdField({ description: 'The session that runs, or the last one where paused.' })
  sessionId!: string;

  @IdField({ description: 'The workflow.' })
  workflowId!: string;

  @IntegerField({ description: 'Index of the step, from 0.', example: 0 })
  stepIndex!: number;

  @TimeField({ description: 'Start of the session.' })
  startedAt!: string;

  @IntegerField({ description: 'Whole seconds of this session so far.', example: 42 })
  elapsedSeconds!: number;

  @EnumField({ description: 'Status.', values: ['running', 'paused'] })
  status!: 'running' | 'paused';
}

/** SESSION_NOT_FOUND: neither running nor paused. */
export class GetActiveSession extends query({
  service: 'tracking',
  name: 'get-active-session',
  reply: ActiveSession,
  permission: 'workflows:write',
  errors: ['SESSION_NOT_FOUND'],
}) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
}

export class SessionSpan {
  @TimeField({ description: 'Start.' })
  startedAt!: string;

  @TimeField({ description: 'End.', nullable: true })
  endedAt!: string | null;
}

/** Append-only. */
export class Correction {
  @IdField({ description: 'The correction.' })
  id!: string;

  @IdField({ description: 'The session.' })
  sessionId!: string;

  @ObjectField(() => SessionSpan, { description: 'Before it.' })
  before!: SessionSpan;

  @ObjectField(() => SessionSpan, { description: 'After it.' })
  after!: SessionSpan;

  @TextField({ description: 'Why.', max: 2000, example: 'Lunch.' })
  reason!: string;

  @IdField({ description: 'Who.' })
  by!: string;

  @TimeField({ description: 'When.' })
  at!: string;
}

/** Only sessions that ended; something must change. */
export class CorrectSession extends command({
  service: 'tracking',
  name: 'correct-session',
  reply: Correction,
  permission: 'time:correct',
  key: 'id',
  errors: ['SESSION_NOT_FOUND', 'WORKFLOW_INVALID_STATE', 'CORRECTION_OVERLAPS'],
}) {
  @IdField({ description: 'The session.' })
  id!: string;

  @TimeField({ description: 'New start.', optional: true })
  startedAt?: string;

  @TimeField({ description: 'New end, not in the future.', optional: true })
  endedAt?: string;

  @TextField({ description: 'Why.', max: 2000, example: 'Lunch.' })
  reason!: string;
}

/** The final times of a completed or cancelled workflow, and again after each correction. */
export class WorkflowTimed extends event({ service: 'tracking', name: 'workflow-timed', key: 'time.workflowId' }) {
  @IdField({ description: 'Its project.' })
  projectId!: string;

  @ObjectField(() => WorkflowTime, { description: 'The times.' })
  time!: WorkflowTime;
}

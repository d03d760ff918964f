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
import { cursorPageOf, listOf, pageOf, PageQuery } from './paging.js';
import { TicketKeyField } from './tickets.js';

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

  @TimeField({ description: 'Proposed end: the last action.' })
  cutAt!: string;
}

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

  @ListField(() => CutProposal, { description: 'Sessions that were probably left running.', maxItems: 1000 })
  proposals!: CutProposal[];

  @IntegerField({ description: 'The `rowVersion` of the workflow that this knows.', example: 7 })
  rowVersion!: number;

  @TimeField({ description: 'When this was computed.' })
  asOf!: string;
}

/** Errors: WORKFLOW_NOT_FOUND; UPSTREAM_TIMEOUT when the change named by `afterRowVersion` does not arrive within 2 s. */
export class GetWorkflowTime extends query({
  service: 'tracking',
  name: 'get-workflow-time',
  reply: WorkflowTime,
  permission: 'workflows:write',
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

/** Errors: SESSION_NOT_FOUND when neither running nor paused. */
export class GetActiveSession extends query({
  service: 'tracking',
  name: 'get-active-session',
  reply: ActiveSession,
  permission: 'workflows:write',
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

/** Only sessions that ended. Errors: SESSION_NOT_FOUND, CORRECTION_OVERLAPS, VALIDATION_ERROR without any change. */
export class CorrectSession extends command({
  service: 'tracking',
  name: 'correct-session',
  reply: Correction,
  permission: 'time:correct',
  key: 'id',
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

/** One ended step of one person. */
export class HistoryRow {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
  @TicketKeyField()
  ticketKey!: string;
  @TextField({ description: 'Type of the ticket.', max: 200, example: 'Bug' })
  ticketType!: string;
  @TextField({ description: 'Name of the template.', max: 200, example: 'Bug fix' })
  template!: string;
  @IdField({ description: 'Who spent it.' })
  userId!: string;
  @IntegerField({ description: 'Index of the step, from 0.', example: 0 })
  stepIndex!: number;
  @TextField({ description: 'Name of the step.', max: 200, example: 'Reproduce' })
  stepName!: string;
  @IntegerField({ description: 'Seconds spent.', example: 312 })
  seconds!: number;
  @IntegerField({ description: 'Estimate in seconds.', example: 900 })
  estimateSeconds!: number;
  @NumberField({ description: 'Actual to estimate; null without an estimate.', nullable: true, example: 0.347 })
  ratio!: number | null;
  @TimeField({ description: 'When the step ended.' })
  endedAt!: string;
}

/** What history, averages, trend and estimates are filtered by. Without `time:read` only one's own is seen. */
export class HistoryFilter {
  @IdField({ description: 'Only of this user.', optional: true })
  userId?: string;
  @TextField({ description: 'Only of this type of ticket.', max: 200, optional: true, example: 'Bug' })
  ticketType?: string;
  @IdField({ description: 'Only of this template.', optional: true })
  templateId?: string;
  @TextField({ description: 'Only of this step, by name.', max: 200, optional: true, example: 'Reproduce' })
  step?: string;
  @TimeField({ description: 'Ended at or after.', optional: true })
  from?: string;
  @TimeField({ description: 'Ended before.', optional: true })
  to?: string;
}

class HistoryQuery extends HistoryFilter {
  @TextField({ description: '`nextCursor` of the page before.', max: 500, optional: true })
  cursor?: string;

  @IntegerField({ description: 'Rows at most.', min: 1, max: 100, optional: true, example: 20 })
  limit?: number;
}

export class ListHistory extends query(
  { service: 'tracking', name: 'list-history', reply: cursorPageOf(HistoryRow), permission: 'workflows:write' },
  HistoryQuery,
) {}

export class Average {
  @TextField({ description: 'Value of the group.', max: 200, nullable: true, example: 'Bug' })
  group!: string | null;
  @IntegerField({ description: 'Steps.', example: 12 })
  count!: number;
  @NumberField({ description: 'Mean seconds.', example: 640.5 })
  meanSeconds!: number;
  @NumberField({ description: 'Median seconds.', example: 600 })
  p50Seconds!: number;
  @NumberField({ description: '80th percentile.', example: 900 })
  p80Seconds!: number;
  @NumberField({ description: 'Mean of actual to estimate.', nullable: true, example: 0.9 })
  meanRatio!: number | null;
}

export const GROUPS = ['user', 'ticket_type', 'template', 'step'] as const;

export class GetAverages extends query(
  { service: 'tracking', name: 'get-averages', reply: listOf(Average), permission: 'workflows:write' },
  HistoryFilter,
) {
  @EnumField({ description: 'Grouped by.', values: GROUPS, optional: true })
  groupBy?: (typeof GROUPS)[number];
}

export class TrendPoint {
  @TimeField({ description: 'Start of the interval.' })
  start!: string;
  @IntegerField({ description: 'Steps.', example: 4 })
  count!: number;
  @IntegerField({ description: 'Seconds.', example: 3600 })
  seconds!: number;
  @NumberField({ description: 'Mean of actual to estimate.', nullable: true, example: 0.9 })
  meanRatio!: number | null;
}

export class Trend {
  @EnumField({ description: 'Width of a point.', values: ['day', 'week'] })
  interval!: 'day' | 'week';
  @TextField({ description: 'IANA time zone of the days.', max: 64, example: 'UTC' })
  timeZone!: string;
  @ListField(() => TrendPoint, { description: 'Points without gaps.', maxItems: 10_000 })
  series!: TrendPoint[];
}

export class GetTrend extends query(
  { service: 'tracking', name: 'get-trend', reply: Trend, permission: 'workflows:write' },
  HistoryFilter,
) {
  @EnumField({ description: 'Width of a point.', values: ['day', 'week'], optional: true })
  interval?: 'day' | 'week';

  @TextField({
    description: "IANA time zone; default: the caller's.",
    max: 64,
    optional: true,
    example: 'Europe/Berlin',
  })
  timeZone?: string;
}

/** Learned from history, from 5 samples on; before that the template's estimate stands for both. */
export class Estimate {
  @IdField({ description: 'The template.' })
  templateId!: string;
  @IntegerField({ description: 'Index of the step, from 0.', example: 0 })
  stepIndex!: number;
  @IdField({ description: 'The person; null: everybody.', nullable: true })
  userId!: string | null;
  @IntegerField({ description: 'Median in seconds.', example: 600 })
  p50Seconds!: number;
  @IntegerField({ description: '80th percentile in seconds.', example: 900 })
  p80Seconds!: number;
  @IntegerField({ description: 'Samples it was learned from.', example: 12 })
  samples!: number;
  @NumberField({ description: 'How often p80 held, 0 to 1; null below 5 samples.', nullable: true, example: 0.83 })
  p80HeldRate!: number | null;
}

export class ListEstimates extends query({
  service: 'tracking',
  name: 'list-estimates',
  reply: listOf(Estimate),
  permission: 'workflows:write',
}) {
  @IdField({ description: 'Only of this template.', optional: true })
  templateId?: string;
  @IdField({ description: 'Only of this person.', optional: true })
  userId?: string;
}

/** A step, or the whole (`stepIndex` null), took more than 120 % of its estimate. */
export class GapAlert {
  @IdField({ description: 'The alert.' })
  id!: string;
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
  @TicketKeyField()
  ticketKey!: string;
  @IntegerField({ description: 'Index of the step, from 0; null: the whole workflow.', nullable: true, example: 1 })
  stepIndex!: number | null;
  @NumberField({ description: 'Actual to estimate when it was raised.', example: 1.34 })
  ratio!: number;
  @IntegerField({ description: 'Seconds over the estimate when it was raised.', example: 306 })
  secondsOver!: number;
  @TimeField({ description: 'When it was raised.' })
  raisedAt!: string;
  @TimeField({ description: 'When it was dismissed.', nullable: true })
  dismissedAt!: string | null;
  @IdField({ description: 'Who dismissed it.', nullable: true })
  dismissedBy!: string | null;
}

export class ListAlerts extends query(
  { service: 'tracking', name: 'list-alerts', reply: pageOf(GapAlert), permission: 'alerts:own' },
  PageQuery,
) {
  @IdField({ description: 'Only of this workflow.', optional: true })
  workflowId?: string;
  @EnumField({ description: 'Only open or only dismissed ones.', values: ['open', 'dismissed'], optional: true })
  status?: 'open' | 'dismissed';
}

/** Errors: ALERT_NOT_FOUND. */
export class DismissAlert extends command({
  service: 'tracking',
  name: 'dismiss-alert',
  reply: GapAlert,
  permission: 'alerts:own',
  key: 'id',
}) {
  @IdField({ description: 'The alert.' })
  id!: string;
}

/** The final times of a completed or cancelled workflow, and again after each correction. */
export class WorkflowTimed extends event({ service: 'tracking', name: 'workflow-timed', key: 'time.workflowId' }) {
  @IdField({ description: 'Its project.' })
  projectId!: string;

  @ObjectField(() => WorkflowTime, { description: 'The times.' })
  time!: WorkflowTime;
}

import { EnumField, IdField, IntegerField, ListField, NumberField, TextField, TimeField } from './fields.js';
import { query } from './message.js';
import { cursorPageOf, listOf } from './paging.js';
import { TicketKeyField } from './tickets.js';

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

import { EnumField, IdField, IntegerField, NumberField, TimeField } from './fields.js';
import { command, query } from './message.js';
import { pageOf, PageQuery, SortField, sortsOf } from './paging.js';
import { TicketKeyField } from './tickets.js';

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

export const ALERT_SORTS = sortsOf('raised_at', 'ratio');

export class ListAlerts extends query(
  { service: 'tracking', name: 'list-alerts', reply: pageOf(GapAlert), permission: 'alerts:own' },
  PageQuery,
) {
  @IdField({ description: 'Only of this workflow.', optional: true })
  workflowId?: string;
  @EnumField({ description: 'Only open or only dismissed ones.', values: ['open', 'dismissed'], optional: true })
  status?: 'open' | 'dismissed';
  @SortField(ALERT_SORTS, '-raised_at')
  sortBy?: (typeof ALERT_SORTS)[number];
}

export class DismissAlert extends command({
  service: 'tracking',
  name: 'dismiss-alert',
  reply: GapAlert,
  permission: 'alerts:own',
  key: 'id',
  errors: ['ALERT_NOT_FOUND'],
}) {
  @IdField({ description: 'The alert.' })
  id!: string;
}

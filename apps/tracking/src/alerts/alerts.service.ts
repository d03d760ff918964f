import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AppError, type GapAlert, type ListAlerts, paged } from '@qa-pms/contracts';
import { Database, ordersBy, sortedStatements } from '@qa-pms/database';
import { BackgroundJobs, can, Log, requireProject, requireUser } from '@qa-pms/platform';
import { toTracked, TRACKED_RUNNING, type TrackedRow } from '../sessions/sessions.queries.js';
import { workflowTime } from '../sessions/workflow-time.js';
import { TrackingSettings } from '../tracking.settings.js';
import { raiseGaps } from './alerts.queries.js';

/** The database's dates become texts on their way out. */
type AlertRow = Omit<GapAlert, 'raisedAt' | 'dismissedAt'> & { raisedAt: Date; dismissedAt: Date | null };

const COLUMNS = `id, workflow_id AS "workflowId", ticket_key AS "ticketKey", step_index AS "stepIndex", ratio,
  seconds_over AS "secondsOver", raised_at AS "raisedAt", dismissed_at AS "dismissedAt", dismissed_by AS "dismissedBy"`;

const VISIBLE = `tracking.gap_alerts
  WHERE project_id = $1 AND ($2::uuid IS NULL OR user_id = $2) AND ($3::uuid IS NULL OR workflow_id = $3)
    AND ($4::boolean IS NULL OR (dismissed_at IS NOT NULL) = $4)`;

const LISTS = sortedStatements('list-alerts', ordersBy({ raised_at: 'raised_at', ratio: 'ratio' }, 'id'), {
  select: COLUMNS,
  from: VISIBLE,
  parameters: 4,
});

/** Alerts on steps and workflows that took more than 120 % of their estimate. */
@Injectable()
export class AlertsService implements OnApplicationBootstrap {
  constructor(
    private readonly db: Database,
    private readonly log: Log,
    private readonly jobs: BackgroundJobs,
    private readonly settings: TrackingSettings,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.every(this.settings.gapCheckSeconds * 1000, 'raise gap alerts', () => this.raiseRunning(), {
      atOnce: false,
    });
  }

  /** One's own alerts, or all with `time:read`. */
  async list(query: ListAlerts) {
    const userId = can('time:read') ? null : requireUser().userId;
    const dismissed = query.status ? query.status === 'dismissed' : null;
    const filter = [requireProject(), userId, query.workflowId ?? null, dismissed];
    const { rows, total } = await this.db.readPage<AlertRow>(LISTS[query.sortBy ?? '-raised_at'], filter, query);
    return paged(rows.map(toAlert), total, query);
  }

  /** Dismisses one's own alert, or any with `alerts:write`; the first dismissal stays. Throws ALERT_NOT_FOUND. */
  dismiss(id: string): Promise<GapAlert> {
    const { userId } = requireUser();
    return this.db.once(async (tx) => {
      const [row] = await tx.query<AlertRow>(
        `UPDATE tracking.gap_alerts
            SET dismissed_at = COALESCE(dismissed_at, $3), dismissed_by = COALESCE(dismissed_by, $2)
          WHERE id = $1 AND (user_id = $2 OR $4) RETURNING ${COLUMNS}`,
        [id, userId, new Date(), can('alerts:write')],
      );
      if (!row) throw new AppError('ALERT_NOT_FOUND', { id });
      return toAlert(row);
    });
  }

  /** Raises alerts for sessions that have crossed 120 % while they run. */
  async raiseRunning(): Promise<void> {
    const now = new Date();
    const rows = await this.db.acrossProjects.read<TrackedRow>(TRACKED_RUNNING);
    const timed = rows.map(toTracked).map((tracked) => ({
      workflow: tracked.workflow,
      time: workflowTime(tracked, now, this.settings.idleSeconds),
    }));
    if (timed.every(({ time }) => time.band !== 'over' && time.steps.every((step) => step.band !== 'over'))) return;
    const count = await this.db.acrossProjects.transaction((tx) => raiseGaps(tx, timed, now));
    if (count > 0) this.log.info({ count }, 'gap alerts raised');
  }
}

function toAlert(row: AlertRow): GapAlert {
  return { ...row, raisedAt: row.raisedAt.toISOString(), dismissedAt: row.dismissedAt?.toISOString() ?? null };
}

import { Injectable } from '@nestjs/common';
import { type ActiveSession, AppError, type GetWorkflowTime, type WorkflowTime } from '@qa-pms/contracts';
import { Database } from '@qa-pms/database';
import { caller, can } from '@qa-pms/platform';
import { TrackingSettings } from '../tracking.settings.js';
import { Arrivals } from './arrivals.js';
import { readTracked } from './sessions.queries.js';
import type { Tracked } from './tracked-workflow.js';
import { activeSession, workflowTime } from './workflow-time.js';

/**
 * Another instance may apply the change: then nobody here announces it. The first look comes after this, each later one
 * after twice the time before: whoever waits because much is under way must not be what is under way.
 */
const POLL_MS = 100;

/** Answers what was spent on a workflow. */
@Injectable()
export class TimesService {
  constructor(
    private readonly db: Database,
    private readonly settings: TrackingSettings,
    private readonly arrivals: Arrivals,
  ) {}

  /**
   * Throws WORKFLOW_NOT_FOUND; or UPSTREAM_TIMEOUT when the change that is waited for does not arrive, also that of a
   * workflow that is unknown, or not the caller's: it may be on its way, and there is no telling these apart.
   */
  async workflowTime({ workflowId, afterRowVersion = 0 }: GetWorkflowTime): Promise<WorkflowTime> {
    const tracked = await (afterRowVersion > 0 ? this.arrived(workflowId, afterRowVersion) : this.visible(workflowId));
    if (!tracked) throw new AppError('WORKFLOW_NOT_FOUND', { id: workflowId });
    return workflowTime(tracked, new Date(), this.settings.idleSeconds);
  }

  /** Throws SESSION_NOT_FOUND when the workflow is neither running nor paused, or not one that the caller may see. */
  async activeSession(workflowId: string): Promise<ActiveSession> {
    const tracked = await this.visible(workflowId);
    const active = tracked && activeSession(tracked, new Date());
    if (!active) throw new AppError('SESSION_NOT_FOUND', { workflowId });
    return active;
  }

  /** The workflow once it has this `rowVersion`. Throws UPSTREAM_TIMEOUT. */
  private async arrived(workflowId: string, rowVersion: number): Promise<Tracked> {
    const deadline = Date.now() + this.settings.arrivalWaitMs;
    for (let pollMs = POLL_MS; ; pollMs *= 2) {
      const leftMs = Math.max(0, deadline - Date.now());
      // Asked for before it is read: what arrives in between would be missed otherwise.
      const next = this.arrivals.next(workflowId, rowVersion, Math.min(pollMs, leftMs));
      const tracked = await this.visible(workflowId);
      if (tracked && tracked.workflow.rowVersion >= rowVersion) return tracked;
      if (leftMs === 0) throw new AppError('UPSTREAM_TIMEOUT', { upstream: 'tracking' });
      await next;
    }
  }

  /** The workflow if it, or time on it, is the caller's own, or with `time:read`. */
  private async visible(workflowId: string): Promise<Tracked | null> {
    const tracked = await readTracked(this.db, workflowId);
    if (!tracked) return null;
    const { userId } = caller();
    const isOwn = [tracked.workflow, ...tracked.sessions].some((one) => one.userId === userId);
    return isOwn || can('time:read') ? tracked : null;
  }
}

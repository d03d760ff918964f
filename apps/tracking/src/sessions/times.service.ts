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

  /** Throws WORKFLOW_NOT_FOUND, or UPSTREAM_TIMEOUT when the change that is waited for does not arrive. */
  async workflowTime({ workflowId, afterRowVersion }: GetWorkflowTime): Promise<WorkflowTime> {
    const tracked = await this.arrived(workflowId, afterRowVersion ?? 0);
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

  /** The workflow with at least this `rowVersion`. One that is unknown may be on its way, so that is waited for too. */
  private async arrived(workflowId: string, rowVersion: number): Promise<Tracked | null> {
    const deadline = Date.now() + this.settings.arrivalWaitMs;
    for (let pollMs = POLL_MS; ; pollMs *= 2) {
      const leftMs = Math.max(0, deadline - Date.now());
      // Asked for before it is read: what arrives in between would be missed otherwise.
      const next = rowVersion > 0 ? this.arrivals.next(workflowId, rowVersion, Math.min(pollMs, leftMs)) : null;
      const tracked = await this.visible(workflowId);
      if (!next || (tracked && tracked.workflow.rowVersion >= rowVersion)) return tracked;
      if (leftMs === 0) {
        if (tracked) throw new AppError('UPSTREAM_TIMEOUT', { upstream: 'tracking' });
        return null;
      }
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

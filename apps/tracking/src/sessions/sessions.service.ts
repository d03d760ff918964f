import { Injectable } from '@nestjs/common';
import { type WorkflowChanged, WorkflowTimed } from '@qa-pms/contracts';
import { Database, type Transaction } from '@qa-pms/database';
import { currentContext, Log, runInContext } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { raiseGaps } from '../alerts/alerts.queries.js';
import { TrackingSettings } from '../tracking.settings.js';
import { Arrivals } from './arrivals.js';
import { follow } from './session.rules.js';
import { lockTracked, storeSession, storeTemplate, storeWorkflow } from './sessions.queries.js';
import { storeStepTimes } from './step-times.queries.js';
import type { Session, Tracked } from './tracked-workflow.js';
import { WorkflowMetrics } from './workflow-metrics.js';
import { workflowTime } from './workflow-time.js';

/** Makes time sessions of the changes of workflows. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly db: Database,
    private readonly log: Log,
    private readonly settings: TrackingSettings,
    private readonly arrivals: Arrivals,
    private readonly metrics: WorkflowMetrics,
  ) {}

  /** Follows a workflow. A change that is not newer than what is known is ignored. */
  async workflowChanged(event: WorkflowChanged): Promise<void> {
    const { id, projectId, rowVersion } = event.workflow;
    const followed: Tracked[] = [];
    await this.onceIn(projectId, async (tx) => {
      const before = await lockTracked(tx, id);
      const known = before?.workflow.rowVersion ?? 0;
      if (rowVersion <= known) return;
      if (rowVersion > known + 1)
        this.log.error({ workflowId: id, known, rowVersion }, 'changes of a workflow are missing');
      const { touched, ...after } = follow(before, event, uuidv7);
      storeWorkflow(tx, after.workflow);
      if (!before) storeTemplate(tx, after.workflow);
      followed.push(after);
      await this.storeTimes(tx, before, after, touched, new Date(event.at));
      if (event.change === 'completed' || event.change === 'cancelled') this.publishTimes(tx, after);
    });
    this.arrivals.announce(id, rowVersion);
    const tracked = followed.at(-1);
    if (tracked) this.metrics.changed(event, workflowTime(tracked, new Date(event.at), this.settings.idleSeconds));
  }

  /** The event says which project it is about, whoever published it. */
  private onceIn(projectId: string, work: (tx: Transaction) => Promise<void>): Promise<void> {
    const context = currentContext();
    return runInContext({ ...context, caller: { ...context.caller, projectId } }, () => this.db.once(work));
  }

  /** Writes sessions that changed, and what follows from them: history and gap alerts as of `asOf`. */
  async storeTimes(
    tx: Transaction,
    before: Tracked | null,
    after: Tracked,
    changed: Session[],
    asOf: Date,
  ): Promise<void> {
    for (const session of changed) storeSession(tx, after.workflow, session);
    storeStepTimes(tx, before, after);
    await raiseGaps(
      tx,
      [{ workflow: after.workflow, time: workflowTime(after, asOf, this.settings.idleSeconds) }],
      asOf,
    );
  }

  /** Tells the times of a workflow that has ended. */
  publishTimes(tx: Transaction, tracked: Tracked): void {
    const time = workflowTime(tracked, new Date(), this.settings.idleSeconds);
    tx.publish(WorkflowTimed, { projectId: tracked.workflow.projectId, time });
  }
}

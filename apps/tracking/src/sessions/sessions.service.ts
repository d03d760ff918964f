import { Injectable } from '@nestjs/common';
import { type WorkflowChanged, WorkflowTimed } from '@qa-pms/contracts';
import { Database, lookup, type Transaction } from '@qa-pms/database';
import { currentContext, Log, runInContext } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { raiseGaps } from '../alerts/alerts.queries.js';
import { TrackingSettings } from '../tracking.settings.js';
import { Arrivals } from './arrivals.js';
import { follow, type Followed } from './session.rules.js';
import { readTracked, storeSession, storeTemplate, storeWorkflow } from './sessions.queries.js';
import { storeStepTimes } from './step-times.queries.js';
import type { Session, Tracked } from './tracked-workflow.js';
import { WorkflowMetrics } from './workflow-metrics.js';
import { workflowTime } from './workflow-time.js';

const TIME_ZONES = lookup(
  'time-zones',
  'SELECT user_id AS "userId", time_zone AS "timeZone" FROM tracking.people WHERE user_id = ANY($1::uuid[])',
);

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

  /** Follows a workflow through some changes of it. One that is not newer than what is known is ignored. */
  async workflowChanged(events: WorkflowChanged[]): Promise<void> {
    const { id, projectId } = events[0]!.workflow;
    let followed: { event: WorkflowChanged; known: Tracked | null; tracked: Tracked }[] = [];
    await this.onceIn(projectId, async (tx) => {
      const [before, zones] = await Promise.all([
        readTracked(this.db, id),
        events.length > 1 ? this.zonesOf(events) : null,
      ]);
      followed = [];
      const touched = new Map<string, Session>();
      for (const event of events) {
        const known = followed.at(-1)?.tracked ?? before;
        const changes = this.newer(known, event);
        if (!changes) continue;
        for (const session of changes.touched) {
          // One that begins with a change and ends with another of these was never read with its person's.
          session.timeZone = zones?.get(session.userId) ?? session.timeZone;
          touched.set(session.id, session);
        }
        followed.push({ event, known, tracked: changes });
      }
      const after = followed.at(-1)?.tracked;
      if (!after) return;
      storeWorkflow(tx, before, after.workflow);
      if (!before) storeTemplate(tx, after.workflow);
      for (const session of touched.values()) storeSession(tx, after.workflow, session);
      for (const { event, known, tracked } of followed) await this.storeHistory(tx, known, tracked, new Date(event.at));
      if (followed.some(({ event: { change } }) => change === 'completed' || change === 'cancelled'))
        this.publishTimes(tx, after);
    });
    this.arrivals.announce(id, Math.max(...events.map(({ workflow }) => workflow.rowVersion)));
    for (const { event, tracked } of followed)
      this.metrics.changed(event, workflowTime(tracked, new Date(event.at), this.settings.idleSeconds));
  }

  /** The workflow after a change; null where that is known already. */
  private newer(known: Tracked | null, event: WorkflowChanged): Followed | null {
    const { id, rowVersion } = event.workflow;
    const knownVersion = known?.workflow.rowVersion ?? 0;
    if (rowVersion <= knownVersion) return null;
    if (rowVersion > knownVersion + 1)
      this.log.error({ workflowId: id, known: knownVersion, rowVersion }, 'changes of a workflow are missing');
    return follow(known, event, uuidv7);
  }

  /** Time zones of those who work in these changes; who is not among them has UTC. */
  private async zonesOf(events: WorkflowChanged[]): Promise<Map<string, string>> {
    const userIds = [...new Set(events.map(({ workflow }) => workflow.userId))];
    const rows = await this.db.read<{ userId: string; timeZone: string }>(TIME_ZONES, [userIds]);
    return new Map(rows.map(({ userId, timeZone }) => [userId, timeZone]));
  }

  /** The event says which project it is about, whoever published it. */
  private onceIn(projectId: string, work: (tx: Transaction) => Promise<void>): Promise<void> {
    const context = currentContext();
    return runInContext({ ...context, caller: { ...context.caller, projectId } }, () => this.db.once(work));
  }

  /** Writes what follows from sessions that have changed: history, and gap alerts as of `asOf`. */
  async storeHistory(tx: Transaction, before: Tracked | null, after: Tracked, asOf: Date): Promise<void> {
    storeStepTimes(tx, before, after);
    const time = workflowTime(after, asOf, this.settings.idleSeconds);
    await raiseGaps(tx, [{ workflow: after.workflow, time }], asOf);
  }

  /** Tells the times of a workflow that has ended. */
  publishTimes(tx: Transaction, tracked: Tracked): void {
    const time = workflowTime(tracked, new Date(), this.settings.idleSeconds);
    tx.publish(WorkflowTimed, { projectId: tracked.workflow.projectId, time });
  }
}

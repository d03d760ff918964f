import { type Database, lookup, nextVersion, type Statement, statement, type Transaction } from '@qa-pms/database';
import type { Session, Tracked, TrackedWorkflow } from './tracked-workflow.js';

/** A row of `TRACKED`: dates of the sessions are texts, because they come as JSON. */
export interface TrackedRow extends TrackedWorkflow {
  changes: number;
  sessions: (Omit<Session, 'startedAt' | 'endedAt' | 'actions'> & {
    startedAt: string;
    endedAt: string | null;
    actions: string[];
  })[];
}

/** A workflow as it was read. */
export interface StoredTracked extends Tracked {
  /** How often it, or one of its sessions, was changed. */
  changes: number;
}

const TRACKED = `
  SELECT w.id, w.project_id AS "projectId", w.ticket_key AS "ticketKey", w.ticket_type AS "ticketType",
         w.template_id AS "templateId", w.template_name AS "templateName", w.template_version AS "templateVersion",
         w.user_id AS "userId", w.status, w.steps, w.row_version AS "rowVersion", w.changes, w.started_at AS "startedAt",
         w.ended_at AS "endedAt", w.paused_at AS "pausedAt", w.paused_seconds AS "pausedSeconds",
         COALESCE((
           SELECT jsonb_agg(jsonb_build_object('id', s.id, 'stepIndex', s.step_index, 'userId', s.user_id,
                    'startedAt', s.started_at, 'endedAt', s.ended_at, 'actions', s.actions,
                    'timeZone', COALESCE(p.time_zone, 'UTC')) ORDER BY s.started_at, s.id)
             FROM tracking.time_sessions s LEFT JOIN tracking.people p ON p.user_id = s.user_id
            WHERE s.workflow_id = w.id), '[]') AS sessions
    FROM tracking.tracked_workflows w`;

/** $1: the workflow. */
const TRACKED_BY_ID = lookup('tracked-by-id', `${TRACKED} WHERE w.id = $1`);

/** All workflows, of every project, with a session that runs. */
export const TRACKED_RUNNING: Statement = statement(
  'tracked-running',
  `${TRACKED} WHERE w.id IN (SELECT workflow_id FROM tracking.time_sessions WHERE ended_at IS NULL)`,
);

const STORE_WORKFLOW = statement(
  'tracked-store',
  `INSERT INTO tracking.tracked_workflows (id, project_id, ticket_key, ticket_type, template_id, template_name,
     template_version, user_id, status, steps, row_version, started_at, ended_at, paused_at, paused_seconds,
     changes)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
   ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, status = excluded.status, steps = excluded.steps,
     row_version = excluded.row_version, ended_at = excluded.ended_at, paused_at = excluded.paused_at,
     paused_seconds = excluded.paused_seconds,
     changes = ${nextVersion('tracking', 'tracked_workflows.changes', 16)}`,
);
const STORE_TEMPLATE = statement(
  'templates-store',
  `INSERT INTO tracking.templates (project_id, template_id, version, steps) VALUES ($1, $2, $3, $4)
   ON CONFLICT (project_id, template_id) DO UPDATE SET version = excluded.version, steps = excluded.steps
     WHERE templates.version < excluded.version`,
);
const STORE_SESSION = statement(
  'sessions-store',
  `INSERT INTO tracking.time_sessions (id, project_id, workflow_id, step_index, user_id, started_at, ended_at, actions)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz[])
   ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, ended_at = excluded.ended_at,
     actions = excluded.actions`,
);

/** A row as the rules want it. */
export function toTracked({ sessions, changes, ...workflow }: TrackedRow): StoredTracked {
  return {
    workflow,
    changes,
    sessions: sessions.map((session) => ({
      ...session,
      startedAt: new Date(session.startedAt),
      endedAt: session.endedAt === null ? null : new Date(session.endedAt),
      actions: session.actions.map((at) => new Date(at)),
    })),
  };
}

/** The workflow; null when nothing is known of it. */
export async function readTracked(db: Database, workflowId: string): Promise<StoredTracked | null> {
  const [row] = await db.read<TrackedRow>(TRACKED_BY_ID, [workflowId]);
  return row ? toTracked(row) : null;
}

/**
 * Writes the snapshot of a workflow: with every change of it or of its sessions. Where another came since `before` was
 * read, the transaction is done anew.
 */
export function storeWorkflow(tx: Transaction, before: StoredTracked | null, workflow: TrackedWorkflow): void {
  tx.write(STORE_WORKFLOW, [
    workflow.id,
    workflow.projectId,
    workflow.ticketKey,
    workflow.ticketType,
    workflow.templateId,
    workflow.templateName,
    workflow.templateVersion,
    workflow.userId,
    workflow.status,
    JSON.stringify(workflow.steps),
    workflow.rowVersion,
    workflow.startedAt,
    workflow.endedAt,
    workflow.pausedAt,
    workflow.pausedSeconds,
    (before?.changes ?? 0) + 1,
  ]);
}

/** Remembers a template as its newest version looks. */
export function storeTemplate(tx: Transaction, workflow: TrackedWorkflow): void {
  const steps = workflow.steps.map(({ name, estimateSeconds }) => ({ name, estimateSeconds }));
  tx.write(STORE_TEMPLATE, [workflow.projectId, workflow.templateId, workflow.templateVersion, JSON.stringify(steps)]);
}

/** Writes a session that was opened, closed, touched or corrected. */
export function storeSession(tx: Transaction, workflow: TrackedWorkflow, session: Session): void {
  tx.write(STORE_SESSION, [
    session.id,
    workflow.projectId,
    workflow.id,
    session.stepIndex,
    session.userId,
    session.startedAt,
    session.endedAt,
    session.actions.map((at) => at.toISOString()),
  ]);
}

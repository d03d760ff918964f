import { statement, type Transaction } from '@qa-pms/database';
import { v7 as uuidv7 } from 'uuid';
import { stepTimeChanges, type StepTimeRow, stepTimesOf } from './step-times.js';
import type { Tracked, TrackedWorkflow } from './tracked-workflow.js';

const REMOVE = statement(
  'step-times-remove',
  'DELETE FROM tracking.step_times WHERE workflow_id = $1 AND step_index = $2 AND user_id = $3',
);
const STORE = statement(
  'step-times-store',
  `INSERT INTO tracking.step_times (id, project_id, workflow_id, ticket_key, ticket_type, template_id, template_name,
     step_index, step_name, user_id, status, seconds, estimate_seconds, ended_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
   ON CONFLICT (workflow_id, step_index, user_id) DO UPDATE SET status = excluded.status, seconds = excluded.seconds,
     ended_at = excluded.ended_at`,
);

/** Writes what changed of the history of a workflow. */
export function storeStepTimes(tx: Transaction, before: Tracked | null, after: Tracked): void {
  const { written, removed } = stepTimeChanges(before ? stepTimesOf(before) : [], stepTimesOf(after));
  for (const row of removed) {
    tx.write(REMOVE, [after.workflow.id, row.stepIndex, row.userId]);
  }
  for (const row of written) storeStepTime(tx, after.workflow, row);
}

function storeStepTime(tx: Transaction, workflow: TrackedWorkflow, row: StepTimeRow): void {
  tx.write(STORE, [
    uuidv7(),
    workflow.projectId,
    workflow.id,
    workflow.ticketKey,
    workflow.ticketType,
    workflow.templateId,
    workflow.templateName,
    row.stepIndex,
    row.stepName,
    row.userId,
    row.status,
    row.seconds,
    row.estimateSeconds,
    new Date(row.endedAt),
  ]);
}

import type { WorkflowTime } from '@qa-pms/contracts';
import type { Transaction } from '@qa-pms/database';
import { counter } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import type { TrackedWorkflow } from '../sessions/tracked-workflow.js';
import { gapsOf } from './gap.rules.js';

const raisedTotal = counter('alerts_raised_total', 'Alerts that were raised.', ['rule', 'severity']);

/** Raises an alert for every gap that has none yet. Answers how many were raised. */
export async function raiseGaps(
  tx: Transaction,
  timed: { workflow: TrackedWorkflow; time: WorkflowTime }[],
  at: Date,
): Promise<number> {
  const alerts = timed.flatMap(({ workflow, time }) =>
    gapsOf(time).map((gap) => ({
      id: uuidv7(),
      project_id: workflow.projectId,
      workflow_id: workflow.id,
      ticket_key: workflow.ticketKey,
      user_id: workflow.userId,
      step_index: gap.stepIndex,
      ratio: gap.ratio,
      seconds_over: gap.secondsOver,
      raised_at: at,
    })),
  );
  if (alerts.length === 0) return 0;
  const raised = await tx.query(
    `INSERT INTO tracking.gap_alerts (id, project_id, workflow_id, ticket_key, user_id, step_index, ratio, seconds_over, raised_at)
     SELECT * FROM jsonb_to_recordset($1) AS alert (id uuid, project_id uuid, workflow_id uuid, ticket_key text,
       user_id uuid, step_index integer, ratio double precision, seconds_over integer, raised_at timestamptz)
     ON CONFLICT (workflow_id, (COALESCE(step_index, -1))) DO NOTHING
     RETURNING id`,
    [JSON.stringify(alerts)],
  );
  raisedTotal.inc({ service: 'tracking', rule: 'gap', severity: 'warning' }, raised.length);
  return raised.length;
}

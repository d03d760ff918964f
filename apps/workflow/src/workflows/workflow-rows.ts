import type { Outcome, Workflow, WorkflowStatus, WorkflowStep } from '@qa-pms/contracts';
import { nextVersion, statement, type Transaction } from '@qa-pms/database';

/** A workflow as PostgreSQL holds it: one row, its steps in one column, so that a read or a change is one statement. */
export interface WorkflowRow {
  id: string;
  project_id: string;
  ticket_key: string;
  ticket_title: string;
  ticket_type: string;
  template_id: string;
  template_name: string;
  template_version: number;
  user_id: string;
  user_display_name: string;
  status: WorkflowStatus;
  current_step_index: number;
  steps: WorkflowStep[];
  outcome: Outcome | null;
  started_at: Date;
  paused_at: Date | null;
  completed_at: Date | null;
  cancelled_at: Date | null;
  updated_at: Date;
  row_version: number;
}

const COLUMNS = [
  'id',
  'project_id',
  'ticket_key',
  'ticket_title',
  'ticket_type',
  'template_id',
  'template_name',
  'template_version',
  'user_id',
  'user_display_name',
  'status',
  'current_step_index',
  'steps',
  'outcome',
  'started_at',
  'paused_at',
  'completed_at',
  'cancelled_at',
  'updated_at',
  'row_version',
];

export function toWorkflow(row: WorkflowRow): Workflow {
  return {
    id: row.id,
    projectId: row.project_id,
    ticketKey: row.ticket_key,
    ticketTitle: row.ticket_title,
    ticketType: row.ticket_type,
    template: { id: row.template_id, name: row.template_name, version: row.template_version },
    userId: row.user_id,
    userDisplayName: row.user_display_name,
    status: row.status,
    currentStepIndex: row.current_step_index,
    steps: row.steps,
    outcome: row.outcome,
    startedAt: row.started_at.toISOString(),
    pausedAt: row.paused_at?.toISOString() ?? null,
    completedAt: row.completed_at?.toISOString() ?? null,
    cancelledAt: row.cancelled_at?.toISOString() ?? null,
    updatedAt: row.updated_at.toISOString(),
    rowVersion: row.row_version,
  };
}

function valuesOf(workflow: Workflow): unknown[] {
  const { template } = workflow;
  return [
    workflow.id,
    workflow.projectId,
    workflow.ticketKey,
    workflow.ticketTitle,
    workflow.ticketType,
    template.id,
    template.name,
    template.version,
    workflow.userId,
    workflow.userDisplayName,
    workflow.status,
    workflow.currentStepIndex,
    JSON.stringify(workflow.steps),
    workflow.outcome,
    workflow.startedAt,
    workflow.pausedAt,
    workflow.completedAt,
    workflow.cancelledAt,
    workflow.updatedAt,
    workflow.rowVersion,
  ];
}

const PLACES = COLUMNS.map((_column, index) => `$${String(index + 1)}`).join(', ');
const ASSIGNMENTS = COLUMNS.slice(2, -1).map((column, index) => `${column} = $${String(index + 3)}`);

const INSERT = statement(
  'workflows-insert',
  `INSERT INTO workflow.workflows (${COLUMNS.join(', ')}) VALUES (${PLACES})`,
);
const UPDATE = statement(
  'workflows-update',
  `UPDATE workflow.workflows SET ${ASSIGNMENTS.join(', ')}, row_version = ${nextVersion('workflow', 'row_version', COLUMNS.length)}
   WHERE id = $1 AND project_id = $2`,
);

/** The commit throws a unique violation of idx_workflows_open where the person has one on the ticket. */
export function insertWorkflow(tx: Transaction, workflow: Workflow): void {
  tx.write(INSERT, valuesOf(workflow));
}

/** Writes the whole row. Where it was changed since it was read, its transaction is done anew. */
export function updateWorkflow(tx: Transaction, workflow: Workflow): void {
  tx.write(UPDATE, valuesOf(workflow));
}

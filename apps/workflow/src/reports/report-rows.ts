import type { Report, ReportContent, WorkflowTime } from '@qa-pms/contracts';
import { nextVersion, statement, type Transaction } from '@qa-pms/database';
import { v7 as uuidv7 } from 'uuid';

/** One version of a report as PostgreSQL holds it. */
export interface ReportRow {
  id: string;
  project_id: string;
  workflow_id: string;
  ticket_key: string;
  user_id: string;
  status: 'draft' | 'final';
  version: number;
  title: string;
  content: ReportContent;
  notices: string[];
  /** Times that came after it was final: the next version has them. */
  corrected_time: WorkflowTime | null;
  /** Whether it is posted to the ticket once its times are in. */
  post_to_ticket: boolean;
  generated_at: Date;
  finalised_at: Date | null;
  row_version: number;
}

const INSERT = statement(
  'reports-insert',
  `INSERT INTO workflow.reports
     (id, project_id, workflow_id, ticket_key, user_id, status, version, title, content, generated_at, post_to_ticket)
   VALUES ($1, $2, $3, $4, $5, 'draft', $6, $7, $8, $9, $10)`,
);
const UPDATE = statement(
  'reports-update',
  `UPDATE workflow.reports SET content = $2, row_version = ${nextVersion('workflow', 'row_version', 3)}, status = $4, finalised_at = $5,
     post_to_ticket = $6
   WHERE id = $1`,
);

/** What every new version has: the rest is that of its workflow. */
export function aDraft(
  content: ReportContent,
): Omit<ReportRow, 'project_id' | 'workflow_id' | 'ticket_key' | 'user_id' | 'title'> {
  return {
    id: uuidv7(),
    status: 'draft',
    version: 1,
    content,
    notices: [],
    corrected_time: null,
    post_to_ticket: false,
    generated_at: new Date(),
    finalised_at: null,
    row_version: 1,
  };
}

/** Its transaction fails where the workflow has that version already. */
export function insertReport(tx: Transaction, row: ReportRow): ReportRow {
  tx.write(INSERT, [
    row.id,
    row.project_id,
    row.workflow_id,
    row.ticket_key,
    row.user_id,
    row.version,
    row.title,
    JSON.stringify(row.content),
    row.generated_at,
    row.post_to_ticket,
  ]);
  return row;
}

/** Writes content and state of a report. Where it was changed since it was read, its transaction is done anew. */
export function updateReport(tx: Transaction, row: ReportRow): ReportRow {
  const changed = { ...row, row_version: row.row_version + 1 };
  tx.write(UPDATE, [
    row.id,
    JSON.stringify(row.content),
    changed.row_version,
    row.status,
    row.finalised_at,
    row.post_to_ticket,
  ]);
  return changed;
}

export function toReport(row: ReportRow): Report {
  return {
    id: row.id,
    workflowId: row.workflow_id,
    ticketKey: row.ticket_key,
    userId: row.user_id,
    status: row.status,
    version: row.version,
    generatedAt: row.generated_at.toISOString(),
    finalisedAt: row.finalised_at?.toISOString() ?? null,
    title: row.title,
    content: row.content,
    notices: row.notices,
    rowVersion: row.row_version,
  };
}

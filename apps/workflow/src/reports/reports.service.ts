import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CompleteWorkflow,
  type FinaliseReport,
  type ListReports,
  type Pagination,
  paged,
  type Report,
  type ReportContent,
  ReportPostingRequested,
  type UpdateReport,
  type Workflow,
  type WorkflowTime,
  type WorkflowTimed,
} from '@qa-pms/contracts';
import {
  Database,
  isUniqueViolation,
  lookup,
  ordersBy,
  sortedStatements,
  statement,
  type Transaction,
} from '@qa-pms/database';
import { can, requireProject, requireUser } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { draftContent, withReasons, withTimes } from './report-content.js';
import { reportMarkdown, shortened } from './report-markdown.js';

/** Longest comment that is posted, characters: Jira refuses more than 32,767. */
const MAX_COMMENT = 30_000;

interface ReportRow {
  id: string;
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

const GET = lookup('reports-get', 'SELECT * FROM workflow.reports WHERE id = $1');
const LATEST = lookup(
  'reports-latest',
  'SELECT * FROM workflow.reports WHERE workflow_id = $1 ORDER BY version DESC LIMIT 1',
);
const LATEST_TWO = statement(
  'reports-latest-two',
  'SELECT * FROM workflow.reports WHERE workflow_id = $1 ORDER BY version DESC LIMIT 2 FOR UPDATE',
);
const LISTS = sortedStatements('reports-list', ordersBy({ generated_at: 'generated_at', status: 'status' }, 'id'), {
  select: '*',
  from: `workflow.reports
   WHERE project_id = $1 AND ($2::text IS NULL OR ticket_key = $2) AND ($3::uuid IS NULL OR user_id = $3)
     AND ($4::text IS NULL OR status = $4) AND ($5::timestamptz IS NULL OR generated_at >= $5)
     AND ($6::timestamptz IS NULL OR generated_at < $6)`,
  parameters: 6,
});

/** Reports: drafted when a workflow completes, edited, finalised, versioned. */
@Injectable()
export class ReportsService {
  constructor(private readonly db: Database) {}

  /** Throws REPORT_NOT_FOUND. */
  async get(id: string): Promise<Report> {
    const [row] = await this.db.read<ReportRow>(GET, [id]);
    if (!row) throw new AppError('REPORT_NOT_FOUND', { id });
    return toReport(row);
  }

  async latestOf(workflowId: string): Promise<Report> {
    const [row] = await this.db.read<ReportRow>(LATEST, [workflowId]);
    if (!row) throw new AppError('REPORT_NOT_FOUND', { workflowId });
    return toReport(row);
  }

  async list(query: ListReports): Promise<{ data: Report[]; pagination: Pagination }> {
    const { ticketKey, userId, status, from, to } = query;
    const filters = [requireProject(), ticketKey ?? null, userId ?? null, status ?? null, from ?? null, to ?? null];
    const { rows, total } = await this.db.readPage<ReportRow>(LISTS[query.sortBy ?? '-generated_at'], filters, query);
    return paged(rows.map(toReport), total, query);
  }

  /** The first version, in the transaction that completes the workflow; on wish it is posted once its times are in. */
  async draft(
    tx: Transaction,
    workflow: Workflow,
    { gapReasons, postToTicket, transitionId }: CompleteWorkflow,
  ): Promise<void> {
    await insertDraft(tx, workflow, draftContent(workflow, gapReasons ?? []), postToTicket ?? false);
    const { id: workflowId, projectId, ticketKey } = workflow;
    if (transitionId)
      tx.publish(ReportPostingRequested, { workflowId, projectId, ticketKey, comment: null, transitionId });
  }

  /** Throws WORKFLOW_NOT_FOUND, REPORT_NOT_FOUND where it is not completed, REPORT_DRAFT_OPEN. */
  async openVersion(workflowId: string): Promise<Report> {
    try {
      return await this.db.once(async (tx) => {
        const [latest] = await tx.query<ReportRow>(`${LATEST.text} FOR UPDATE`, [workflowId]);
        if (!latest) throw await this.noReport(tx, workflowId);
        demandOwner(latest);
        if (latest.status === 'draft') throw new AppError('REPORT_DRAFT_OPEN', { reportId: latest.id });
        const { content: before, corrected_time: time } = latest;
        const content = time ? withTimes(before, time) : before;
        const [row] = await tx.query<ReportRow>(
          `INSERT INTO workflow.reports (id, project_id, workflow_id, ticket_key, user_id, status, version, title, content, generated_at)
           SELECT $2, project_id, workflow_id, ticket_key, user_id, 'draft', version + 1, title, $3, now()
           FROM workflow.reports WHERE id = $1 RETURNING *`,
          [latest.id, uuidv7(), JSON.stringify(content)],
        );
        return toReport(row as ReportRow);
      });
    } catch (error) {
      if (isUniqueViolation(error, 'reports_uq_workflow_id_version'))
        throw new AppError('REPORT_DRAFT_OPEN', { workflowId });
      throw error;
    }
  }

  /** Throws REPORT_FINAL, PRECONDITION_FAILED. */
  update(command: UpdateReport): Promise<Report> {
    const { strategies, notes, gaps, outcome } = command;
    return this.db.once(async (tx) => {
      const before = await this.editable(tx, command.id, command.expectedVersion ?? null);
      const content: ReportContent = {
        ...before.content,
        ...(strategies !== undefined && { strategies }),
        ...(notes !== undefined && { notes }),
        ...(gaps && { gaps: withReasons(before.content, gaps) }),
        ...(outcome && { outcome }),
      };
      return this.write(tx, before.id, { content, finalise: false });
    });
  }

  /** Throws REPORT_FINAL, REPORT_TIMES_PENDING, PRECONDITION_FAILED. */
  finalise({ id, expectedVersion }: FinaliseReport): Promise<Report> {
    return this.db.once(async (tx) => {
      const before = await this.editable(tx, id, expectedVersion ?? null);
      if (before.content.time === null) throw new AppError('REPORT_TIMES_PENDING', { id });
      return this.write(tx, id, { content: before.content, finalise: true });
    });
  }

  /** Times go into the draft; the newest final report is told of in a notice. */
  workflowTimed({ time, projectId }: WorkflowTimed): Promise<void> {
    return this.db.once(async (tx) => {
      const latest = await tx.query<ReportRow>(LATEST_TWO, [time.workflowId]);
      // None: a cancelled workflow has times and no report. A draft has only a final one before it.
      for (const row of latest) {
        if (row.status === 'final') return this.correctFinal(tx, row, time);
        if ((row.content.time?.rowVersion ?? 0) > time.rowVersion) continue;
        const report = await this.write(tx, row.id, { content: withTimes(row.content, time), finalise: false });
        if (row.post_to_ticket) await post(tx, report, projectId);
      }
    });
  }

  /** Says on the latest report what happened to it. */
  async notice(tx: Transaction, workflowId: string, text: string): Promise<void> {
    await tx.query(
      `UPDATE workflow.reports SET notices = notices || to_jsonb($2::text), row_version = row_version + 1
       WHERE workflow_id = $1 AND version = (SELECT max(version) FROM workflow.reports WHERE workflow_id = $1)`,
      [workflowId, text],
    );
  }

  private async correctFinal(tx: Transaction, final: ReportRow, time: WorkflowTime): Promise<void> {
    const known = final.corrected_time ?? final.content.time;
    if (known && (known.rowVersion > time.rowVersion || sameSeconds(known, time))) return;
    await tx.query(
      `UPDATE workflow.reports SET corrected_time = $2, notices = notices || to_jsonb($3::text),
         row_version = row_version + 1 WHERE id = $1`,
      [
        final.id,
        JSON.stringify(time),
        `Times were corrected on ${time.asOf}: the total is now ${String(time.totalSeconds)} s.`,
      ],
    );
  }

  private async noReport(tx: Transaction, workflowId: string): Promise<AppError> {
    const found = await tx.query('SELECT 1 FROM workflow.workflows WHERE id = $1', [workflowId]);
    return found.length > 0
      ? new AppError('REPORT_NOT_FOUND', { workflowId })
      : new AppError('WORKFLOW_NOT_FOUND', { id: workflowId });
  }

  private async editable(tx: Transaction, id: string, expectedVersion: number | null): Promise<ReportRow> {
    const [row] = await tx.query<ReportRow>(`${GET.text} FOR UPDATE`, [id]);
    if (!row) throw new AppError('REPORT_NOT_FOUND', { id });
    demandOwner(row);
    if (row.status === 'final') throw new AppError('REPORT_FINAL', { version: row.version });
    if (expectedVersion !== null && row.row_version !== expectedVersion)
      throw new AppError('PRECONDITION_FAILED', { rowVersion: row.row_version });
    return row;
  }

  private async write(
    tx: Transaction,
    id: string,
    { content, finalise }: { content: ReportContent; finalise: boolean },
  ): Promise<Report> {
    const [row] = await tx.query<ReportRow>(
      `UPDATE workflow.reports SET content = $2, row_version = row_version + 1,
         status = CASE WHEN $3 THEN 'final' ELSE status END, finalised_at = CASE WHEN $3 THEN now() ELSE finalised_at END
       WHERE id = $1 RETURNING *`,
      [id, JSON.stringify(content), finalise],
    );
    return toReport(row as ReportRow);
  }
}

function sameSeconds(one: WorkflowTime, other: WorkflowTime): boolean {
  const seconds = (time: WorkflowTime): string => time.steps.map((step) => step.seconds).join();
  return one.totalSeconds === other.totalSeconds && seconds(one) === seconds(other);
}

function demandOwner(row: ReportRow): void {
  if (row.user_id !== requireUser().userId && !can('workflows:write:any'))
    throw new AppError('FORBIDDEN', { permission: 'workflows:write:any' });
}

async function insertDraft(
  tx: Transaction,
  workflow: Workflow,
  content: ReportContent,
  postToTicket: boolean,
): Promise<void> {
  await tx.query(
    `INSERT INTO workflow.reports
       (id, project_id, workflow_id, ticket_key, user_id, status, version, title, content, generated_at, post_to_ticket)
     VALUES ($1, $2, $3, $4, $5, 'draft', 1, $6, $7, $8, $9)`,
    [
      uuidv7(),
      workflow.projectId,
      workflow.id,
      workflow.ticketKey,
      workflow.userId,
      `QA report ${workflow.ticketKey}: ${workflow.ticketTitle}`,
      JSON.stringify(content),
      workflow.completedAt,
      postToTicket,
    ],
  );
}

/** Asks for the report to be posted to its ticket, once. */
async function post(tx: Transaction, report: Report, projectId: string): Promise<void> {
  const { workflowId, ticketKey } = report;
  await tx.query('UPDATE workflow.reports SET post_to_ticket = false WHERE id = $1', [report.id]);
  const comment = shortened(reportMarkdown(report), MAX_COMMENT);
  tx.publish(ReportPostingRequested, { workflowId, projectId, ticketKey, comment, transitionId: null });
}

function toReport(row: ReportRow): Report {
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

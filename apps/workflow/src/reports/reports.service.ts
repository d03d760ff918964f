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
  lookup,
  nextVersion,
  ordersBy,
  sortedStatements,
  statement,
  type Transaction,
} from '@qa-pms/database';
import { can, requireProject, requireUser } from '@qa-pms/platform';
import { draftContent, withReasons, withTimes } from './report-content.js';
import { reportMarkdown, shortened } from './report-markdown.js';
import { aDraft, insertReport, type ReportRow, toReport, updateReport } from './report-rows.js';

/** Longest comment that is posted, characters: Jira refuses more than 32,767. */
const MAX_COMMENT = 30_000;

const GET = lookup('reports-get', 'SELECT * FROM workflow.reports WHERE id = $1');
const LATEST = lookup(
  'reports-latest',
  'SELECT * FROM workflow.reports WHERE workflow_id = $1 ORDER BY version DESC LIMIT 1',
);
const LATEST_TWO = lookup(
  'reports-latest-two',
  'SELECT * FROM workflow.reports WHERE workflow_id = $1 ORDER BY version DESC LIMIT 2',
);
/** $2: the version after the one that was read. */
const NEXT = nextVersion('workflow', 'row_version', 2);
const FOLLOW = statement('reports-follow', `UPDATE workflow.reports SET row_version = ${NEXT} WHERE id = $1`);
const CORRECT = statement(
  'reports-correct',
  `UPDATE workflow.reports SET corrected_time = $3, notices = notices || to_jsonb($4::text), row_version = ${NEXT}
   WHERE id = $1`,
);
const WORKFLOW = lookup('reports-workflow', 'SELECT 1 FROM workflow.workflows WHERE id = $1');
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
  draft(tx: Transaction, workflow: Workflow, { gapReasons, postToTicket, transitionId }: CompleteWorkflow): void {
    const { id: workflowId, projectId, ticketKey } = workflow;
    insertReport(tx, {
      ...aDraft(draftContent(workflow, gapReasons ?? [])),
      project_id: projectId,
      workflow_id: workflowId,
      ticket_key: ticketKey,
      user_id: workflow.userId,
      title: `QA report ${ticketKey}: ${workflow.ticketTitle}`,
      generated_at: new Date(workflow.completedAt ?? workflow.updatedAt),
      post_to_ticket: postToTicket ?? false,
    });
    if (transitionId)
      tx.publish(ReportPostingRequested, { workflowId, projectId, ticketKey, comment: null, transitionId });
  }

  /** Throws WORKFLOW_NOT_FOUND, REPORT_NOT_FOUND where it is not completed, REPORT_DRAFT_OPEN. */
  openVersion(workflowId: string): Promise<Report> {
    return this.db.once(async (tx) => {
      const [latest] = await this.db.read<ReportRow>(LATEST, [workflowId]);
      if (!latest) throw await this.noReport(workflowId);
      demandOwner(latest);
      if (latest.status === 'draft') throw new AppError('REPORT_DRAFT_OPEN', { reportId: latest.id });
      const { content: before, corrected_time: time } = latest;
      const content = time ? withTimes(before, time) : before;
      const { project_id, workflow_id, ticket_key, user_id, title, version } = latest;
      const draft = { ...aDraft(content), project_id, workflow_id, ticket_key, user_id, title, version: version + 1 };
      // A correction that comes at this moment is told to the final one, or to the draft: never to neither.
      tx.write(FOLLOW, [latest.id, latest.row_version + 1]);
      return toReport(insertReport(tx, draft));
    });
  }

  /** Throws REPORT_FINAL, PRECONDITION_FAILED. */
  update(command: UpdateReport): Promise<Report> {
    const { strategies, notes, gaps, outcome } = command;
    return this.db.once(async (tx) => {
      const before = await this.editable(command.id, command.expectedVersion ?? null);
      const content: ReportContent = {
        ...before.content,
        ...(strategies !== undefined && { strategies }),
        ...(notes !== undefined && { notes }),
        ...(gaps && { gaps: withReasons(before.content, gaps) }),
        ...(outcome && { outcome }),
      };
      return toReport(updateReport(tx, { ...before, content }));
    });
  }

  /** Throws REPORT_FINAL, REPORT_TIMES_PENDING, PRECONDITION_FAILED. */
  finalise({ id, expectedVersion }: FinaliseReport): Promise<Report> {
    return this.db.once(async (tx) => {
      const before = await this.editable(id, expectedVersion ?? null);
      if (before.content.time === null) throw new AppError('REPORT_TIMES_PENDING', { id });
      return toReport(updateReport(tx, { ...before, status: 'final', finalised_at: new Date() }));
    });
  }

  /** Times go into the draft; the newest final report is told of in a notice. */
  workflowTimed({ time, projectId }: WorkflowTimed): Promise<void> {
    return this.db.once(async (tx) => {
      const latest = await this.db.read<ReportRow>(LATEST_TWO, [time.workflowId]);
      // None: a cancelled workflow has times and no report. A draft has only a final one before it.
      for (const row of latest) {
        if (row.status === 'final') {
          correctFinal(tx, row, time);
          return;
        }
        if ((row.content.time?.rowVersion ?? 0) > time.rowVersion) continue;
        const timed = updateReport(tx, { ...row, content: withTimes(row.content, time), post_to_ticket: false });
        if (row.post_to_ticket) post(tx, toReport(timed), projectId);
      }
    });
  }

  /** Says on the latest report what happened to it. */
  notice(tx: Transaction, workflowId: string, text: string): void {
    tx.write(
      `UPDATE workflow.reports SET notices = notices || to_jsonb($2::text), row_version = row_version + 1
       WHERE workflow_id = $1 AND version = (SELECT max(version) FROM workflow.reports WHERE workflow_id = $1)`,
      [workflowId, text],
    );
  }

  private async noReport(workflowId: string): Promise<AppError> {
    const found = await this.db.read(WORKFLOW, [workflowId]);
    return found.length > 0
      ? new AppError('REPORT_NOT_FOUND', { workflowId })
      : new AppError('WORKFLOW_NOT_FOUND', { id: workflowId });
  }

  private async editable(id: string, expectedVersion: number | null): Promise<ReportRow> {
    const [row] = await this.db.read<ReportRow>(GET, [id]);
    if (!row) throw new AppError('REPORT_NOT_FOUND', { id });
    demandOwner(row);
    if (row.status === 'final') throw new AppError('REPORT_FINAL', { version: row.version });
    if (expectedVersion !== null && row.row_version !== expectedVersion)
      throw new AppError('PRECONDITION_FAILED', { rowVersion: row.row_version });
    return row;
  }
}

/** Says on a final report that its times were corrected since. */
function correctFinal(tx: Transaction, final: ReportRow, time: WorkflowTime): void {
  const known = final.corrected_time ?? final.content.time;
  if (known && (known.rowVersion > time.rowVersion || sameSeconds(known, time))) return;
  const notice = `Times were corrected on ${time.asOf}: the total is now ${String(time.totalSeconds)} s.`;
  tx.write(CORRECT, [final.id, final.row_version + 1, JSON.stringify(time), notice]);
}

function sameSeconds(one: WorkflowTime, other: WorkflowTime): boolean {
  const seconds = (time: WorkflowTime): string => time.steps.map((step) => step.seconds).join();
  return one.totalSeconds === other.totalSeconds && seconds(one) === seconds(other);
}

function demandOwner(row: ReportRow): void {
  if (row.user_id !== requireUser().userId && !can('workflows:write:any'))
    throw new AppError('FORBIDDEN', { permission: 'workflows:write:any' });
}

/** Asks for the report to be posted to its ticket, once. */
function post(tx: Transaction, report: Report, projectId: string): void {
  const { workflowId, ticketKey } = report;
  const comment = shortened(reportMarkdown(report), MAX_COMMENT);
  tx.publish(ReportPostingRequested, { workflowId, projectId, ticketKey, comment, transitionId: null });
}

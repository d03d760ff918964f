import { Injectable } from '@nestjs/common';
import {
  type ActiveWorkflows,
  AppError,
  type CompleteWorkflow,
  GetMember,
  type HandOverWorkflow,
  type ListMyActiveWorkflows,
  type ListWorkflows,
  type MemberRemoved,
  type Pagination,
  paged,
  permissionsOf,
  type Workflow,
  WorkflowChanged,
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
import {
  caller,
  can,
  counter,
  currentContext,
  MessageBus,
  requireProject,
  requireUser,
  runInContext,
} from '@qa-pms/platform';
import { ReportsService } from '../reports/reports.service.js';
import { type ChangeName, complete, handOver, pause } from './workflow-rules.js';
import { toWorkflow, updateWorkflow, type WorkflowRow } from './workflow-rows.js';

const GET = lookup('workflows-get', 'SELECT * FROM workflow.workflows WHERE id = $1');
const ORDERS = ordersBy({ started_at: 'started_at', updated_at: 'updated_at', status: 'status' }, 'id');
const LISTS = sortedStatements('workflows-list', ORDERS, {
  select: '*',
  from: `workflow.workflows
   WHERE project_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR user_id = $3)
     AND ($4::text IS NULL OR ticket_key = $4) AND ($5::uuid IS NULL OR template_id = $5)
     AND ($6::timestamptz IS NULL OR started_at >= $6) AND ($7::timestamptz IS NULL OR started_at < $7)`,
  parameters: 7,
});
const OPEN_OF_USER = sortedStatements('workflows-open-of-user', ORDERS, {
  select: '*',
  from: `workflow.workflows WHERE project_id = $1 AND user_id = $2 AND status IN ('active', 'paused')`,
  parameters: 2,
});
const OPEN_ON_TICKET = lookup(
  'workflows-open-on-ticket',
  `SELECT * FROM workflow.workflows WHERE project_id = $1 AND ticket_key = $2 AND status IN ('active', 'paused') ORDER BY started_at`,
);

const OPEN_OF_MEMBER = statement(
  'workflows-open-of-member',
  `SELECT other.* FROM workflow.workflows AS mine JOIN workflow.workflows AS other
     ON other.project_id = mine.project_id AND other.ticket_key = mine.ticket_key
   WHERE mine.id = $1 AND other.user_id = $2 AND other.status IN ('active', 'paused')`,
);

const generated = counter('reports_generated_total', 'Reports that the completion of a workflow made.');

/** A rule applied to a workflow at a moment. */
export type Change = (workflow: Workflow, at: string) => Workflow;

interface Target {
  id: string;
  expectedVersion?: number | null;
}

/** Workflows that have started: reading and changing them. */
@Injectable()
export class WorkflowsService {
  constructor(
    private readonly db: Database,
    private readonly bus: MessageBus,
    private readonly reports: ReportsService,
  ) {}

  /** Throws WORKFLOW_NOT_FOUND, also for somebody else's without `workflows:read`. */
  async get(id: string): Promise<Workflow> {
    const [row] = await this.db.read<WorkflowRow>(GET, [id]);
    if (!row || !mayRead(row.user_id)) throw new AppError('WORKFLOW_NOT_FOUND', { id });
    return toWorkflow(row);
  }

  async list(query: ListWorkflows): Promise<{ data: Workflow[]; pagination: Pagination }> {
    const { status, userId, ticketKey, templateId, from, to } = query;
    if (userId && !mayRead(userId)) throw new AppError('FORBIDDEN', { permission: 'workflows:read' });
    const whose = userId ?? (can('workflows:read') ? null : requireUser().userId);
    const filters = [
      requireProject(),
      status ?? null,
      whose,
      ticketKey ?? null,
      templateId ?? null,
      from ?? null,
      to ?? null,
    ];
    const { rows, total } = await this.db.readPage<WorkflowRow>(LISTS[query.sortBy ?? '-started_at'], filters, query);
    return paged(rows.map(toWorkflow), total, query);
  }

  async listMine(query: ListMyActiveWorkflows): Promise<{ data: Workflow[]; pagination: Pagination }> {
    const values = [requireProject(), requireUser().userId];
    const { rows, total } = await this.db.readPage<WorkflowRow>(
      OPEN_OF_USER[query.sortBy ?? '-updated_at'],
      values,
      query,
    );
    return paged(rows.map(toWorkflow), total, query);
  }

  /** Who is on a ticket: everybody who sees the ticket sees that. */
  async active(ticketKey: string): Promise<ActiveWorkflows> {
    const rows = await this.db.read<WorkflowRow>(OPEN_ON_TICKET, [requireProject(), ticketKey]);
    const { userId } = requireUser();
    const own = rows.find((row) => row.user_id === userId);
    const others = rows.filter((row) => row.user_id !== userId);
    return {
      own: own ? toWorkflow(own) : null,
      others: others.map((row) => ({
        workflowId: row.id,
        userId: row.user_id,
        displayName: row.user_display_name,
        status: row.status,
      })),
    };
  }

  /** Applies one change, once for its message: the row is written, and its event published, as one. */
  change(target: Target, name: ChangeName, rule: Change): Promise<Workflow> {
    return this.db.once((tx) => this.apply(tx, target, name, rule));
  }

  /** The report's draft is made in the same transaction. */
  async complete(command: CompleteWorkflow): Promise<Workflow> {
    const fresh: Workflow[] = [];
    const completed = await this.db.once(async (tx) => {
      fresh.length = 0;
      const workflow = await this.apply(tx, command, 'completed', (before, at) =>
        complete(before, command.outcome ?? null, at),
      );
      this.reports.draft(tx, workflow, command);
      fresh.push(workflow);
      return workflow;
    });
    if (fresh.length > 0) generated.inc({ service: 'workflow' });
    return completed;
  }

  /** Throws MEMBER_NOT_FOUND, MEMBER_LACKS_PERMISSION where they may not work on workflows, WORKFLOW_ALREADY_ACTIVE. */
  async handOver(command: HandOverWorkflow): Promise<Workflow> {
    const { displayName: by } = requireUser();
    try {
      return await this.db.once(async (tx) => {
        const to = await this.bus.request(GetMember, { userId: command.toUserId });
        const { roles, installationRoles = [] } = to;
        if (!permissionsOf([...roles, ...installationRoles]).includes('workflows:write'))
          throw new AppError('MEMBER_LACKS_PERMISSION', { userId: command.toUserId, permission: 'workflows:write' });
        return this.apply(tx, command, 'handed_over', (workflow, at) =>
          handOver(workflow, { to, by, note: command.note ?? null }, at),
        );
      });
    } catch (error) {
      if (!isUniqueViolation(error, 'idx_workflows_open')) throw error;
      const [busy] = await this.db.read<WorkflowRow>(OPEN_OF_MEMBER, [command.id, command.toUserId]);
      // It has ended meanwhile.
      if (!busy) throw new AppError('CONFLICT');
      throw new AppError('WORKFLOW_ALREADY_ACTIVE', { workflowId: busy.id, status: busy.status });
    }
  }

  /** The active workflows of a removed member are paused: whoever may change any can hand them over. */
  memberRemoved({ projectId, userId }: MemberRemoved): Promise<void> {
    // Whoever removes a member may work in another project at that moment, or in none.
    const context = { ...currentContext(), caller: { ...caller(), projectId } };
    return runInContext(context, () => this.pauseAll(projectId, userId));
  }

  private pauseAll(projectId: string, userId: string): Promise<void> {
    return this.db.once(async (tx) => {
      const rows = await tx.query<WorkflowRow>(
        `SELECT * FROM workflow.workflows WHERE project_id = $1 AND user_id = $2 AND status = 'active' ORDER BY id FOR UPDATE`,
        [projectId, userId],
      );
      for (const row of rows) write(tx, 'paused', pause(toWorkflow(row), new Date().toISOString()));
    });
  }

  private async apply(
    tx: Transaction,
    { id, expectedVersion }: Target,
    name: ChangeName,
    rule: Change,
  ): Promise<Workflow> {
    const before = await this.get(id);
    if (before.userId !== requireUser().userId && !can('workflows:write:any'))
      throw new AppError('FORBIDDEN', { permission: 'workflows:write:any' });
    if (expectedVersion != null && expectedVersion !== before.rowVersion) {
      throw new AppError('PRECONDITION_FAILED', { rowVersion: before.rowVersion });
    }
    return write(tx, name, rule(before, new Date().toISOString()));
  }
}

/** Writes a changed workflow with the event that tells of it. */
export function write(tx: Transaction, change: ChangeName, workflow: Workflow): Workflow {
  updateWorkflow(tx, workflow);
  tx.publish(WorkflowChanged, { change, at: workflow.updatedAt, workflow });
  return workflow;
}

function mayRead(userId: string): boolean {
  return can('workflows:read') || requireUser().userId === userId;
}

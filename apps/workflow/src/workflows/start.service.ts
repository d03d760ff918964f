import { Injectable } from '@nestjs/common';
import { AppError, GetTicket, type StartedWorkflow, type StartWorkflow, WorkflowChanged } from '@qa-pms/contracts';
import { Database, isUniqueViolation, lookup, type Transaction } from '@qa-pms/database';
import { MessageBus, requireProject, requireUser } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { TemplatesService } from '../templates/templates.service.js';
import { cancel, resume, startWorkflow } from './workflow-rules.js';
import { insertWorkflow, toWorkflow, type WorkflowRow } from './workflow-rows.js';
import { write } from './workflows.service.js';

const OWN_OPEN = lookup(
  'workflows-own-open',
  `SELECT * FROM workflow.workflows
   WHERE project_id = $1 AND ticket_key = $2 AND user_id = $3 AND status IN ('active', 'paused')`,
);

/** How often a start is tried against others of the same person at the same moment. */
const ATTEMPTS = 5;

/** Starting a workflow from a ticket. */
@Injectable()
export class StartService {
  constructor(
    private readonly db: Database,
    private readonly bus: MessageBus,
    private readonly templates: TemplatesService,
  ) {}

  /** Throws TICKET_NOT_FOUND, TEMPLATE_NOT_FOUND, WORKFLOW_ALREADY_ACTIVE. */
  async start(command: StartWorkflow): Promise<StartedWorkflow> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.db.once((tx) => this.attempt(tx, command));
      } catch (error) {
        if (!isUniqueViolation(error, 'idx_workflows_open')) throw error;
        // Another start of the same person was faster: its row could not be seen before it was committed.
        if (attempt === ATTEMPTS) throw new AppError('CONFLICT');
      }
    }
  }

  private async attempt(tx: Transaction, { ticketKey, templateId, onActive }: StartWorkflow): Promise<StartedWorkflow> {
    const ticket = await this.bus.request(GetTicket, { key: ticketKey });
    const { userId, displayName } = requireUser();
    const [template, [open]] = await Promise.all([
      templateId ? this.templates.get(templateId) : this.templates.forTicketType(ticket.type),
      // Jira keeps answering to the old key of a ticket that was moved.
      this.db.read<WorkflowRow>(OWN_OPEN, [requireProject(), ticket.key, userId]),
    ]);
    const at = new Date().toISOString();
    if (open && onActive === 'resume') return this.goOn(tx, open, at);
    if (open && onActive === 'restart') write(tx, 'cancelled', cancel(toWorkflow(open), at));
    else if (open) throw new AppError('WORKFLOW_ALREADY_ACTIVE', { workflowId: open.id, status: open.status });
    const workflow = startWorkflow({
      id: uuidv7(),
      projectId: requireProject(),
      userId,
      userDisplayName: displayName,
      ticket,
      template,
      at,
    });
    insertWorkflow(tx, workflow);
    tx.publish(WorkflowChanged, { change: 'started', at, workflow });
    return { workflow, result: 'started' };
  }

  private goOn(tx: Transaction, open: WorkflowRow, at: string): StartedWorkflow {
    const workflow = toWorkflow(open);
    if (workflow.status !== 'paused') return { workflow, result: 'resumed' };
    return { workflow: write(tx, 'resumed', resume(workflow, at)), result: 'resumed' };
  }
}

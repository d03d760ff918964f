import { Injectable } from '@nestjs/common';
import {
  AppError,
  GetTicket,
  type StartedWorkflow,
  type StartWorkflow,
  type Template,
  type Ticket,
  WorkflowChanged,
} from '@qa-pms/contracts';
import { Database, isUniqueViolation, lookup, statement, type Transaction } from '@qa-pms/database';
import { MessageBus, requireProject, requireUser } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { TemplatesService } from '../templates/templates.service.js';
import { cancel, resume, startWorkflow } from './workflow-rules.js';
import { insertWorkflow, toWorkflow, type WorkflowRow } from './workflow-rows.js';
import { write } from './workflows.service.js';

const OWN_OPEN = `
  SELECT * FROM workflow.workflows
  WHERE project_id = $1 AND ticket_key = $2 AND user_id = $3 AND status IN ('active', 'paused')`;
const OWN = lookup('workflows-own-open', OWN_OPEN);
const LOCK_OWN = statement('workflows-own-open-lock', `${OWN_OPEN} FOR UPDATE`);

/** How often a start that may go on with an open workflow, or replace it, is tried against others at the same moment. */
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
    const given = await this.db.replyGiven<StartedWorkflow>();
    if (given) return given.reply;
    const { ticketKey, templateId } = command;
    const onActive = command.onActive ?? 'reject';
    const ticket = await this.bus.request(GetTicket, { key: ticketKey });
    const template = templateId
      ? await this.templates.get(templateId)
      : await this.templates.forTicketType(ticket.type);
    // Jira keeps answering to the old key of a ticket that was moved.
    const owner = [requireProject(), ticket.key, requireUser().userId];
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(owner, onActive, { ticket, template });
      } catch (error) {
        if (!isUniqueViolation(error, 'idx_workflows_open')) throw error;
        // Another start of the same person was faster: its row could not be seen before it was committed.
        if (onActive !== 'reject' && attempt < ATTEMPTS) continue;
        const [open] = await this.db.read<WorkflowRow>(OWN, owner);
        throw open ? alreadyActive(open) : new AppError('CONFLICT');
      }
    }
  }

  private attempt(
    owner: string[],
    onActive: 'reject' | 'resume' | 'restart',
    { ticket, template }: { ticket: Ticket; template: Template },
  ): Promise<StartedWorkflow> {
    return this.db.once(async (tx) => {
      const at = new Date().toISOString();
      const [open] = await tx.query<WorkflowRow>(LOCK_OWN, owner);
      if (open && onActive === 'resume') return this.goOn(tx, open, at);
      if (open && onActive === 'restart') write(tx, 'cancelled', cancel(toWorkflow(open), at));
      else if (open) throw alreadyActive(open);
      const { userId, displayName } = requireUser();
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
      return { workflow, result: 'started' as const };
    });
  }

  private goOn(tx: Transaction, open: WorkflowRow, at: string): StartedWorkflow {
    const workflow = toWorkflow(open);
    if (workflow.status !== 'paused') return { workflow, result: 'resumed' };
    return { workflow: write(tx, 'resumed', resume(workflow, at)), result: 'resumed' };
  }
}

function alreadyActive({ id, status }: WorkflowRow): AppError {
  return new AppError('WORKFLOW_ALREADY_ACTIVE', { workflowId: id, status });
}

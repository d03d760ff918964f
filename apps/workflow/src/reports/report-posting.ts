import { Injectable } from '@nestjs/common';
import { AddComment, AppError, ApplyTransition, type ReportPostingRequested } from '@qa-pms/contracts';
import { Database } from '@qa-pms/database';
import { caller, currentContext, infrastructureFault, Log, MessageBus } from '@qa-pms/platform';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReportsService } from './reports.service.js';

/** Pauses before Jira is asked again after an error of its own, milliseconds. */
const RETRY_DELAYS_MS = [1_000, 2_000, 4_000];

/** Writes to the ticket what was wished when a workflow completed: after the commit, so that Jira cannot hold it up. */
@Injectable()
export class ReportPosting {
  constructor(
    private readonly db: Database,
    private readonly bus: MessageBus,
    private readonly reports: ReportsService,
    private readonly log: Log,
  ) {}

  /** An outage is waited out by the messaging; what Jira refuses, or fails at again and again, is said on the report. */
  async post({ workflowId, ticketKey, comment, transitionId }: ReportPostingRequested): Promise<void> {
    const refusals: string[] = [];
    if (comment !== null) {
      const { content } = await this.reports.latestOf(workflowId);
      // An event brings no name, and the comment is to name who tested.
      const options = { caller: { ...caller(), displayName: content.tester }, messageId: derivedId('comment') };
      await this.attempt(refusals, 'The report was not posted to the ticket', () =>
        this.bus.request(AddComment, { key: ticketKey, bodyMarkdown: comment }, options),
      );
    }
    if (transitionId !== null) {
      await this.attempt(refusals, 'The ticket was not moved', () =>
        this.bus.request(ApplyTransition, { key: ticketKey, transitionId }, { messageId: derivedId('transition') }),
      );
    }
    await this.db.once(async (tx) => {
      for (const refusal of refusals) this.reports.notice(tx, workflowId, refusal);
    });
  }

  private async attempt(refusals: string[], what: string, send: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await send();
        return;
      } catch (error) {
        if (!(error instanceof AppError) || infrastructureFault(error)) throw error;
        const delay = error.kind.retryable ? RETRY_DELAYS_MS[tries] : undefined;
        if (delay === undefined) {
          this.log.warn({ code: error.code }, 'ticket was not written');
          refusals.push(`${what}: ${error.message}`);
          return;
        }
        await sleep(delay);
      }
    }
  }
}

/** The same for every delivery of the current message: the command is applied once. */
function derivedId(purpose: string): string {
  const hex = createHash('sha256').update(`${currentContext().messageId} ${purpose}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

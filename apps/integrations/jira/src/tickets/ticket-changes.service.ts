import { Injectable } from '@nestjs/common';
import {
  type AddComment,
  AppError,
  type ApplyTransition,
  type Ticket,
  type TicketComment,
  type Transition,
} from '@qa-pms/contracts';
import { Database } from '@qa-pms/database';
import { caller, currentContext, Log } from '@qa-pms/platform';
import type { CallLimits } from '../jira.client.js';
import type { JiraComment, JiraStatus } from '../jira.schema.js';
import { type Connection, Connections } from '../sync/connections.js';
import { TicketFetcher } from '../sync/ticket-fetcher.js';
import type { AdfDocument } from '../text/adf-node.js';
import { markdownToAdf } from '../text/markdown-to-adf.js';
import { TicketStore } from './ticket.store.js';
import { TicketsService } from './tickets.service.js';
import { type TicketRow, toComment } from './to-ticket.js';
import { type Write, Writes } from './writes.js';

/** Entity property of our comments; its value names the message that they were written for. */
const COMMENT_MARK = 'qa-pms.message';
/** Comments that are looked through for our mark after a crash. */
const RECENT_COMMENTS = 50;
/** What is left of a request's time for our own work when Jira has had its share. */
const OWN_SHARE_MS = 500;
const MIN_CALL_MS = 500;

/** Changing tickets in Jira. Jira is called outside of any transaction; its result is noted afterwards. */
@Injectable()
export class TicketChangesService {
  constructor(
    private readonly db: Database,
    private readonly store: TicketStore,
    private readonly writes: Writes,
    private readonly connections: Connections,
    private readonly fetcher: TicketFetcher,
    private readonly tickets: TicketsService,
    private readonly log: Log,
  ) {}

  /** Errors: TICKET_NOT_FOUND, UPSTREAM_*. */
  async transitions(key: string): Promise<{ data: Transition[] }> {
    const connection = await this.connections.get(key);
    const found = await connection.client.transitions(key, limits());
    if (!found) throw new AppError('TICKET_NOT_FOUND', { key });
    const data = found.map(({ id, name, to }) => ({
      id,
      name,
      toStatus: this.fetcher.statuses.statusOf(to),
      toJiraStatus: to.name,
    }));
    return { data };
  }

  /** Errors: TICKET_NOT_FOUND, TRANSITION_NOT_FOUND, TICKET_CHANGE_REFUSED, UPSTREAM_*. */
  async apply({ key, transitionId }: ApplyTransition): Promise<Ticket> {
    const connection = await this.connections.get(key);
    const { earlier, given } = await this.begun<Ticket>(key);
    if (given) return given.reply;
    const target = await this.move(connection, key, transitionId, earlier);
    const askedAt = new Date();
    const row = await this.refetch(connection, key);
    if (!row) return this.noteTransition(key, target);
    return this.db.once(async (tx) => {
      await this.writes.done(tx);
      await this.store.put(tx, connection.siteUrl, [row], askedAt);
      return this.tickets.toTicket(row.detail, askedAt);
    });
  }

  /** Errors: TICKET_NOT_FOUND, TICKET_CHANGE_REFUSED, UPSTREAM_*. */
  async comment({ key, bodyMarkdown }: AddComment): Promise<TicketComment> {
    const connection = await this.connections.get(key);
    const { earlier, given } = await this.begun<TicketComment>(key);
    if (given) return given.reply;
    const written = earlier ? await this.findComment(connection, key, earlier) : null;
    const comment = written ?? (await this.write(connection, key, bodyMarkdown));
    const askedAt = new Date();
    const row = await this.refetch(connection, key);
    return this.db.once(async (tx) => {
      await this.writes.done(tx);
      if (row) await this.store.put(tx, connection.siteUrl, [row], askedAt);
      return toComment(comment);
    });
  }

  /** What an earlier delivery has begun, or the reply that it was given: once that is forgotten, the command is a new one. */
  private async begun<T>(key: string): Promise<{ earlier: Write | null; given: { reply: T } | null }> {
    const earlier = await this.writes.find(key);
    return earlier?.done ? { earlier: null, given: await this.db.replyGiven<T>() } : { earlier, given: null };
  }

  /** Answers the stored ticket in its new state, when Jira made the change but cannot show the result. */
  private async noteTransition(key: string, target: JiraStatus): Promise<Ticket> {
    const stored = await this.store.get(key);
    if (!stored) throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'jira' });
    const status = this.fetcher.statuses.statusOf(target);
    return this.db.once(async (tx) => {
      await this.writes.done(tx);
      await this.store.setStatus(tx, key, status, target.name);
      return this.tickets.toTicket({ ...stored.detail, status, jiraStatus: target.name }, stored.fetchedAt);
    });
  }

  /** Moves the issue, unless an earlier delivery of the command has done so. Answers where it then is. */
  private async move(
    connection: Connection,
    key: string,
    transitionId: string,
    earlier: Write | null,
  ): Promise<JiraStatus> {
    if (earlier) {
      const issue = await connection.client.issue(key, limits());
      if (issue?.status.name === earlier.target) return issue.status;
    }
    const open = await connection.client.transitions(key, limits());
    if (!open) throw new AppError('TICKET_NOT_FOUND', { key });
    const chosen = open.find(({ id }) => id === transitionId);
    if (!chosen) throw new AppError('TRANSITION_NOT_FOUND', { id: transitionId, key });
    await this.writes.begin(key, chosen.to.name);
    await connection.client.applyTransition(key, transitionId, limits());
    return chosen.to;
  }

  private async write(connection: Connection, key: string, bodyMarkdown: string): Promise<JiraComment> {
    await this.writes.begin(key, null);
    const body = named(markdownToAdf(bodyMarkdown), caller().displayName);
    const mark = { key: COMMENT_MARK, value: { id: currentContext().messageId } };
    return connection.client.addComment(key, body, [mark], limits());
  }

  /** The comment that an earlier delivery of the command wrote, if it got so far. */
  private async findComment(connection: Connection, key: string, earlier: Write): Promise<JiraComment | null> {
    const recent = await connection.client.comments(key, RECENT_COMMENTS, limits());
    // Clocks differ: a minute before counts too.
    const since = earlier.startedAt.getTime() - 60_000;
    const ids = recent.filter((comment) => comment.createdAt.getTime() >= since).map((comment) => comment.id);
    if (ids.length === 0) return null;
    const { messageId } = currentContext();
    const marked = await connection.client.commentsWithProperties(ids, limits());
    return (
      marked.find(({ properties }) => (properties[COMMENT_MARK] as { id?: unknown } | undefined)?.id === messageId) ??
      null
    );
  }

  /** The ticket as it is now; null where Jira cannot say: the change itself is made and must be answered. */
  private async refetch(connection: Connection, key: string): Promise<TicketRow | null> {
    try {
      return await this.fetcher.one(connection, key, limits());
    } catch (error) {
      this.log.warn({ ticketKey: key, err: error }, 'changed ticket could not be fetched: the next sync will');
      return null;
    }
  }
}

/** Calls end before whoever asked gives up. */
function limits(): CallLimits {
  const { deadline } = currentContext();
  return deadline === null ? {} : { timeoutMs: Math.max(MIN_CALL_MS, deadline - Date.now() - OWN_SHARE_MS) };
}

/** Jira shows the account of the integration as the author, so the comment itself says who wrote it. */
function named(document: AdfDocument, displayName: string | null): AdfDocument {
  if (displayName === null) return document;
  const text = `${displayName} (QA Intelligent PMS):`;
  return {
    ...document,
    content: [{ type: 'paragraph', content: [{ type: 'text', text, marks: [{ type: 'em' }] }] }, ...document.content],
  };
}

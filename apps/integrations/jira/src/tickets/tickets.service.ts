import { Injectable } from '@nestjs/common';
import {
  AppError,
  type Freshness,
  GetMe,
  type ListTickets,
  paged,
  type Ticket,
  type TicketPage,
} from '@qa-pms/contracts';
import { Database } from '@qa-pms/database';
import { Log, MessageBus, requireProject } from '@qa-pms/platform';
import { JiraSettings } from '../jira.settings.js';
import { Connections } from '../sync/connections.js';
import { TicketFetcher } from '../sync/ticket-fetcher.js';
import { TicketStore } from './ticket.store.js';
import { type AssigneeFilter, filterValues, LISTS, type TicketListRow } from './tickets.queries.js';
import type { TicketDetail } from './to-ticket.js';

/** Somebody waits for a page: Jira gets this long, with one more try in it. */
const ASK_JIRA_MS = 3_000;

/** Reading tickets: from the store, which the sync keeps fresh. */
@Injectable()
export class TicketsService {
  constructor(
    private readonly db: Database,
    private readonly store: TicketStore,
    private readonly connections: Connections,
    private readonly fetcher: TicketFetcher,
    private readonly bus: MessageBus,
    private readonly settings: JiraSettings,
    private readonly log: Log,
  ) {}

  async list(query: ListTickets): Promise<TicketPage> {
    const projectId = requireProject();
    const [connections, assignee] = await Promise.all([
      this.connections.of(projectId),
      this.assigneeFilter(query.assignee ?? null),
    ]);
    const sites = connections.map((connection) => connection.siteUrl);
    const [found, syncedAt] = await Promise.all([
      assignee === null ? { rows: [], total: 0 } : this.find(query, filterValues(projectId, query, assignee)),
      this.store.lastSync(sites),
    ]);
    const data = found.rows.map(({ updatedAt, ...row }) => ({ ...row, updatedAt: updatedAt.toISOString() }));
    return { ...paged(data, found.total, query), freshness: this.freshness(syncedAt) };
  }

  /** Errors: TICKET_NOT_FOUND; UPSTREAM_* where it is not stored and Jira cannot be asked. */
  async get(key: string): Promise<Ticket> {
    const stored = await this.store.get(key);
    if (stored) return this.toTicket(stored.detail, stored.fetchedAt);
    const connection = await this.connections.get(key);
    const askedAt = new Date();
    const row = await this.fetcher.one(connection, key, { timeoutMs: ASK_JIRA_MS });
    if (!row) throw new AppError('TICKET_NOT_FOUND', { key });
    await this.store.keep(connection.siteUrl, [row], askedAt).catch((error: unknown) => {
      // The reader has the ticket; the next sync keeps it.
      this.log.warn({ ticketKey: key, err: error }, 'fetched ticket could not be kept');
    });
    return this.toTicket(row.detail, askedAt);
  }

  /** A ticket as it is answered. */
  toTicket(detail: TicketDetail, fetchedAt: Date): Ticket {
    return { ...detail, freshness: this.freshness(fetchedAt) };
  }

  private find(query: ListTickets, values: unknown[]): Promise<{ rows: TicketListRow[]; total: number }> {
    return this.db.readPage<TicketListRow>(LISTS[query.sortBy ?? '-updated_at'], values, query);
  }

  /** Null: somebody who has no tickets, because nobody in Jira is known to be them. */
  private async assigneeFilter(assignee: string | null): Promise<AssigneeFilter | null> {
    if (assignee === null) return {};
    if (assignee === 'none') return { none: true };
    if (assignee !== 'me') return { id: assignee };
    const me = await this.bus.request(GetMe, {});
    if (me.jiraAccountId !== null) return { id: me.jiraAccountId };
    return me.email === null ? null : { email: me.email };
  }

  private freshness(fetchedAt: Date | null): Freshness {
    const oldest = Date.now() - 2 * this.settings.syncSeconds * 1000;
    const stale = fetchedAt === null || fetchedAt.getTime() < oldest;
    return { source: 'jira', fetchedAt: fetchedAt?.toISOString() ?? null, stale };
  }
}

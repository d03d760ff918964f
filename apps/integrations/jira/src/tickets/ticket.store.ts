import { Injectable } from '@nestjs/common';
import type { TicketStatus } from '@qa-pms/contracts';
import { Database, lookup, type Transaction } from '@qa-pms/database';
import { requireProject } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import type { TicketDetail, TicketRow } from './to-ticket.js';

const GET_TICKET = lookup(
  'jira-get-ticket',
  `SELECT t.detail, greatest(t.fetched_at, c.last_success_at) AS fetched_at
   FROM jira.tickets t
   LEFT JOIN jira.connections c ON c.project_id = t.project_id AND c.site_url = t.site_url
   WHERE t.project_id = $1 AND t.key = $2`,
);

const LAST_SYNC = lookup(
  'jira-last-sync',
  `SELECT CASE WHEN count(c.site_url) = count(*) THEN min(c.last_success_at) END AS synced_at
   FROM unnest($2::text[]) AS site (url)
   LEFT JOIN jira.connections c ON c.project_id = $1 AND c.site_url = site.url`,
);

/** A row only gives way to one that was fetched later: a page of a long sync must not undo what we just wrote. */
const PUT_TICKETS = `
  INSERT INTO jira.tickets (id, project_id, site_url, key, jira_project_key, key_number, title, type, status, jira_status,
    urgency, components, assignee_id, assignee_email, search_text, jira_updated_at, detail, fetched_at)
  SELECT r.id, $1, $2, r.key, r."jiraProjectKey", r."keyNumber", r.detail->>'title', r.detail->>'type', r.detail->>'status',
    r.detail->>'jiraStatus', r.urgency, ARRAY(SELECT jsonb_array_elements_text(r.detail->'components')),
    r.detail->'assignee'->>'id', r."assigneeEmail", r."searchText", (r.detail->>'updatedAt')::timestamptz, r.detail, $3
  FROM jsonb_to_recordset($4::jsonb) AS r (id uuid, key text, "jiraProjectKey" text, "keyNumber" bigint,
    urgency smallint, "assigneeEmail" text, "searchText" text, detail jsonb)
  ON CONFLICT ON CONSTRAINT tickets_uq_project_id_key DO UPDATE SET
    site_url = excluded.site_url, jira_project_key = excluded.jira_project_key, key_number = excluded.key_number,
    title = excluded.title, type = excluded.type, status = excluded.status, jira_status = excluded.jira_status,
    urgency = excluded.urgency, components = excluded.components, assignee_id = excluded.assignee_id,
    assignee_email = excluded.assignee_email, search_text = excluded.search_text,
    jira_updated_at = excluded.jira_updated_at, detail = excluded.detail, fetched_at = excluded.fetched_at
  WHERE tickets.fetched_at <= excluded.fetched_at`;

export interface StoredTicket {
  detail: TicketDetail;
  /** When it was last known to be as Jira has it. */
  fetchedAt: Date;
}

/** The tickets that were fetched from Jira, for the project of the current message. */
@Injectable()
export class TicketStore {
  constructor(private readonly db: Database) {}

  async get(key: string): Promise<StoredTicket | null> {
    const [row] = await this.db.read<{ detail: TicketDetail; fetched_at: Date }>(GET_TICKET, [requireProject(), key]);
    return row ? { detail: row.detail, fetchedAt: row.fetched_at } : null;
  }

  /** When the one of these sites that lags most was last synced; null where one never was, or where there is none. */
  async lastSync(siteUrls: string[]): Promise<Date | null> {
    const [row] = await this.db.read<{ synced_at: Date | null }>(LAST_SYNC, [requireProject(), siteUrls]);
    return row?.synced_at ?? null;
  }

  /** As `put`, by itself. */
  keep(siteUrl: string, rows: TicketRow[], fetchedAt: Date): Promise<void> {
    return this.db.transaction((tx) => this.put(tx, siteUrl, rows, fetchedAt));
  }

  /** Keeps tickets that were asked for at `fetchedAt`. */
  async put(tx: Transaction, siteUrl: string, rows: TicketRow[], fetchedAt: Date): Promise<void> {
    // One statement must not meet the same row twice.
    const unique = [...new Map(rows.map((row) => [row.key, { id: uuidv7(), ...row }])).values()];
    if (unique.length > 0) await tx.query(PUT_TICKETS, [requireProject(), siteUrl, fetchedAt, JSON.stringify(unique)]);
  }

  /** Notes a transition of which Jira could not be asked the result. */
  async setStatus(tx: Transaction, key: string, status: TicketStatus, jiraStatus: string): Promise<void> {
    await tx.query(
      `UPDATE jira.tickets SET status = $3, jira_status = $4, detail = detail || jsonb_build_object('status', $3::text, 'jiraStatus', $4::text)
       WHERE project_id = $1 AND key = $2`,
      [requireProject(), key, status, jiraStatus],
    );
  }

  /** Notes a good sync that began at `startedAt`. */
  async synced(siteUrl: string, startedAt: Date): Promise<void> {
    await this.db.transaction((tx) =>
      tx.query(
        `INSERT INTO jira.connections (project_id, site_url, last_success_at) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT connections_pk_project_id_site_url DO UPDATE
         SET last_success_at = greatest(connections.last_success_at, excluded.last_success_at)`,
        [requireProject(), siteUrl, startedAt],
      ),
    );
  }

  /**
   * Removes what a whole sync begun at `startedAt` has not met: tickets that left the site, and everything of sites that
   * are no longer connected. Answers how many tickets went.
   */
  async removeVanished(siteUrl: string, seenKeys: string[], startedAt: Date, siteUrls: string[]): Promise<number> {
    return this.db.transaction(async (tx) => {
      const gone = await tx.query(
        `DELETE FROM jira.tickets
         WHERE project_id = $1 AND fetched_at < $4
           AND (site_url <> ALL ($5::text[]) OR (site_url = $2 AND key <> ALL ($3::text[])))
         RETURNING 1`,
        [requireProject(), siteUrl, seenKeys, startedAt, siteUrls],
      );
      await tx.query('DELETE FROM jira.connections WHERE project_id = $1 AND site_url <> ALL ($2::text[])', [
        requireProject(),
        siteUrls,
      ]);
      return gone.length;
    });
  }
}

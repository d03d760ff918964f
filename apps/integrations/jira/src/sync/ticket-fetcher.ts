import { Injectable } from '@nestjs/common';
import type { JiraIssue } from '../jira.schema.js';
import { JiraSettings } from '../jira.settings.js';
import type { CallLimits } from '../jira.client.js';
import { StatusMap } from '../tickets/status-map.js';
import { type TicketRow, toTicketRow } from '../tickets/to-ticket.js';
import type { Connection } from './connections.js';

/** More are shown nowhere. */
const COMMENTS = 10;

/** Fetches tickets from Jira and makes them ours. */
@Injectable()
export class TicketFetcher {
  readonly statuses: StatusMap;

  constructor(settings: JiraSettings) {
    this.statuses = new StatusMap(settings.statusMap);
  }

  /** One ticket as Jira has it now; null where it has none that we may see. Errors: UPSTREAM_*. */
  async one(connection: Connection, key: string, limits: CallLimits = {}): Promise<TicketRow | null> {
    const issue = await connection.client.issue(key, limits);
    // An issue that was moved answers under its new key, which may belong to a project that is not connected.
    if (!issue || !connection.covers(issue.key)) return null;
    return this.toRow(connection, issue, limits);
  }

  /** The ticket of an issue; its latest comments are asked for where Jira left some out. */
  async toRow(connection: Connection, issue: JiraIssue, limits: CallLimits = {}): Promise<TicketRow> {
    const comments = issue.hasMoreComments
      ? await connection.client.comments(issue.key, COMMENTS, limits)
      : issue.comments;
    return toTicketRow({ ...issue, comments }, connection.siteUrl, this.statuses);
  }
}

import type { Person, Ticket, TicketComment } from '@qa-pms/contracts';
import type { JiraComment, JiraIssue, JiraPerson } from '../jira.schema.js';
import { toMarkdown } from '../text/adf.js';
import { readBlocks } from '../text/blocks.js';
import { acceptanceCriteria } from '../text/gherkin.js';
import type { StatusMap } from './status-map.js';

/** A ticket without what changes from answer to answer. */
export type TicketDetail = Omit<Ticket, 'freshness'>;

/** A ticket as it is kept: what is answered, and beside it what is filtered and sorted by. */
export interface TicketRow {
  key: string;
  jiraProjectKey: string;
  keyNumber: number;
  urgency: number;
  assigneeEmail: string | null;
  searchText: string;
  detail: TicketDetail;
}

/** What the contract allows at most. */
const MAX_TITLE = 1_000;
const MAX_TYPE = 200;
const MAX_DESCRIPTION = 500_000;
const MAX_COMMENT = 50_000;
const MAX_SEARCH_TEXT = 100_000;
const COMMENTS = 10;

/** Names that priorities have by default, from the most urgent. Others sort behind. */
const URGENCY: Record<string, number> = {
  blocker: 5,
  highest: 5,
  critical: 4,
  high: 4,
  major: 3,
  medium: 3,
  normal: 3,
  minor: 2,
  low: 2,
  trivial: 1,
  lowest: 1,
};

/** An issue as our ticket. */
export function toTicketRow(issue: JiraIssue, siteUrl: string, statuses: StatusMap): TicketRow {
  const cut = issue.key.lastIndexOf('-');
  const words = readBlocks(issue.description).map((block) => block.text);
  return {
    key: issue.key,
    jiraProjectKey: issue.key.slice(0, cut),
    keyNumber: Number(/^\d{1,15}$/.exec(issue.key.slice(cut + 1))?.[0] ?? 0),
    urgency: URGENCY[issue.priority?.toLowerCase() ?? ''] ?? 0,
    assigneeEmail: issue.assignee?.email?.toLowerCase() ?? null,
    searchText: [issue.key, issue.summary, ...words].join('\n').slice(0, MAX_SEARCH_TEXT).toWellFormed(),
    detail: {
      key: issue.key,
      title: issue.summary.slice(0, MAX_TITLE).toWellFormed(),
      type: issue.type.slice(0, MAX_TYPE).toWellFormed(),
      status: statuses.statusOf(issue.status),
      jiraStatus: issue.status.name,
      priority: issue.priority,
      components: issue.components,
      assignee: toPerson(issue.assignee),
      updatedAt: issue.updatedAt.toISOString(),
      url: `${siteUrl}/browse/${encodeURIComponent(issue.key)}`,
      descriptionMarkdown: toMarkdown(issue.description).slice(0, MAX_DESCRIPTION).toWellFormed(),
      acceptanceCriteria: acceptanceCriteria(issue.description),
      reporter: toPerson(issue.reporter),
      createdAt: issue.createdAt.toISOString(),
      dueDate: issue.dueDate,
      labels: issue.labels,
      comments: latest(issue.comments).map(toComment),
      attachments: issue.attachments,
    },
  };
}

export function toComment(comment: JiraComment): TicketComment {
  return {
    id: comment.id,
    author: toPerson(comment.author),
    bodyMarkdown: toMarkdown(comment.body).slice(0, MAX_COMMENT).toWellFormed(),
    createdAt: comment.createdAt.toISOString(),
  };
}

/** The latest comments, oldest first. */
function latest(comments: JiraComment[]): JiraComment[] {
  return [...comments]
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || Number(a.id) - Number(b.id))
    .slice(-COMMENTS);
}

function toPerson(person: JiraPerson | null): Person | null {
  return person && { id: person.accountId, displayName: person.displayName };
}

import type { ListTickets, TICKET_SORTS, TicketSummary } from '@qa-pms/contracts';
import { sortedStatements } from '@qa-pms/database';

/** Whose tickets: of an account, of an address that Jira shows, or of nobody. */
export interface AssigneeFilter {
  id?: string;
  email?: string;
  none?: boolean;
}

export interface TicketListRow extends Omit<TicketSummary, 'updatedAt'> {
  updatedAt: Date;
}

/** A number alone does not tell tickets apart: a project of ours may join several of Jira's. */
const KEY = 'jira_project_key, key_number';
const KEY_DOWN = 'jira_project_key DESC, key_number DESC';

const ORDERS: Record<(typeof TICKET_SORTS)[number], string> = {
  updated_at: `jira_updated_at, ${KEY}`,
  '-updated_at': `jira_updated_at DESC, ${KEY_DOWN}`,
  key: KEY,
  '-key': KEY_DOWN,
  priority: `urgency, jira_updated_at DESC, ${KEY_DOWN}`,
  '-priority': `urgency DESC, jira_updated_at DESC, ${KEY_DOWN}`,
};

const FILTER = `jira.tickets
  WHERE project_id = $1
    AND ($2::text IS NULL OR status = $2)
    AND ($3::text IS NULL OR type = $3)
    AND ($4::text IS NULL OR components @> ARRAY[$4])
    AND ($5::boolean IS NOT TRUE OR assignee_id IS NULL)
    AND ($6::text IS NULL OR assignee_id = $6)
    AND ($7::text IS NULL OR assignee_email = $7)
    AND ($8::text[] IS NULL OR search_text ILIKE ALL ($8))`;

/** The list in each of its orders. */
export const LISTS = sortedStatements('jira-list-tickets', ORDERS, {
  select: `key, title, type, status, jira_status AS "jiraStatus", detail->>'priority' AS priority, components,
    detail->'assignee' AS assignee, jira_updated_at AS "updatedAt", detail->>'url' AS url`,
  from: FILTER,
  parameters: 8,
});

/** Values of the filter's parameters. */
export function filterValues(projectId: string, query: ListTickets, assignee: AssigneeFilter): unknown[] {
  const { status = null, type = null, component = null, q } = query;
  const { none = false, id = null, email = null } = assignee;
  return [projectId, status, type, component, none, id, email?.toLowerCase() ?? null, patterns(q)];
}

/** Every word must be there; its own wildcards are no wildcards. */
export function patterns(q: string | undefined | null): string[] | null {
  const words = (q ?? '').split(/\s+/).filter((word) => word !== '');
  return words.length === 0 ? null : words.map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`);
}

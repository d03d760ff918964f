import type { TicketStatus } from '@qa-pms/contracts';
import type { JiraStatus } from '../jira.schema.js';

/** Names that teams give to these states. */
const BY_NAME: Record<string, TicketStatus> = {
  'ready for qa': 'ready_for_qa',
  'ready for test': 'ready_for_qa',
  'ready for testing': 'ready_for_qa',
  'ready to test': 'ready_for_qa',
  'qa ready': 'ready_for_qa',
  'to test': 'ready_for_qa',
  qa: 'qa_in_progress',
  'in qa': 'qa_in_progress',
  'qa in progress': 'qa_in_progress',
  'in test': 'qa_in_progress',
  'in testing': 'qa_in_progress',
  testing: 'qa_in_progress',
  uat: 'uat',
  'in uat': 'uat',
  'ready for uat': 'uat',
  'uat in progress': 'uat',
  'user acceptance testing': 'uat',
};

/** Jira's three categories, by key and by id. */
const BY_CATEGORY: Record<string, TicketStatus> = {
  new: 'backlog',
  2: 'backlog',
  indeterminate: 'qa_in_progress',
  4: 'qa_in_progress',
  done: 'done',
  3: 'done',
};

/** Maps Jira's statuses to ours: by configured name, by known name, by category. */
export class StatusMap {
  private readonly configured: Map<string, TicketStatus>;

  constructor(configured: Record<string, TicketStatus> = {}) {
    this.configured = new Map(Object.entries(configured).map(([name, status]) => [normal(name), status]));
  }

  statusOf({ name, categoryKey, categoryId }: JiraStatus): TicketStatus {
    const key = normal(name);
    const known = this.configured.get(key) ?? (Object.hasOwn(BY_NAME, key) ? BY_NAME[key] : undefined);
    return known ?? BY_CATEGORY[categoryKey ?? ''] ?? BY_CATEGORY[String(categoryId)] ?? 'backlog';
  }
}

function normal(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
}

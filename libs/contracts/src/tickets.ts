import {
  BooleanField,
  EnumField,
  IntegerField,
  ListField,
  ObjectField,
  TextField,
  TextListField,
  TimeField,
} from './fields.js';
import { command, query } from './message.js';
import { listOf, pageOf, PageQuery, SortField, sortsOf } from './paging.js';

/** Our states of a ticket, mapped from Jira's names and categories by configuration. */
export const TICKET_STATUSES = ['backlog', 'ready_for_qa', 'qa_in_progress', 'uat', 'done'] as const;
export type TicketStatus = (typeof TICKET_STATUSES)[number];

/** Jira keys: project key, hyphen, number. Jira project keys are at most 255 characters; ours are checked to 50. */
const TICKET_KEY = /^[A-Z][A-Z0-9_]{0,49}-[1-9][0-9]{0,9}$/;

/** The key of a ticket. */
export function TicketKeyField(options: { description?: string; optional?: boolean } = {}): PropertyDecorator {
  return TextField({ description: 'Key of the ticket.', max: 61, pattern: TICKET_KEY, example: 'DEMO-1', ...options });
}

export class Person {
  @TextField({ description: "The upstream's id of the person.", max: 128, example: '5b10ac8d82e05b22cc7d4ef5' })
  id!: string;

  @TextField({ description: 'Name to show.', max: 300, example: 'Quinn Abara' })
  displayName!: string;
}

/** A ticket as lists show it. */
export class TicketSummary {
  @TicketKeyField()
  key!: string;

  @TextField({ description: 'Title.', max: 1000, example: 'Login fails with a plus sign in the address' })
  title!: string;

  @TextField({ description: "Jira's issue type.", max: 200, example: 'Bug' })
  type!: string;

  @EnumField({ description: 'Our state.', values: TICKET_STATUSES, example: 'ready_for_qa' })
  status!: TicketStatus;

  @TextField({ description: "Jira's own name of the status.", max: 200, example: 'Ready for QA' })
  jiraStatus!: string;

  @TextField({ description: 'Priority.', max: 200, nullable: true, example: 'High' })
  priority!: string | null;

  @TextListField({ description: 'Components.', max: 300, example: ['booking'] })
  components!: string[];

  @ObjectField(() => Person, { description: 'Who has it.', nullable: true })
  assignee!: Person | null;

  @TimeField({ description: 'When Jira last changed it.' })
  updatedAt!: string;

  @TextField({ description: 'Link to it in Jira.', max: 2000, example: 'https://example.atlassian.net/browse/DEMO-1' })
  url!: string;
}

export class AcceptanceCriterion {
  @EnumField({ description: 'Whether Gherkin was recognised.', values: ['gherkin', 'text'] })
  format!: 'gherkin' | 'text';

  @TextField({
    description: 'The criterion, Markdown for `text`.',
    max: 50_000,
    example: 'Given a guest\nWhen they book\nThen a mail is sent',
  })
  text!: string;
}

export class TicketComment {
  @TextField({ description: "Jira's id.", max: 50, example: '10001' })
  id!: string;

  @ObjectField(() => Person, { description: 'Who wrote it.', nullable: true })
  author!: Person | null;

  @TextField({ description: 'Sanitised Markdown.', max: 50_000, example: 'Reproduced on staging.' })
  bodyMarkdown!: string;

  @TimeField({ description: 'When it was written.' })
  createdAt!: string;
}

export class TicketAttachment {
  @TextField({ description: "Jira's id.", max: 50, example: '20001' })
  id!: string;

  @TextField({ description: 'File name.', max: 1000, example: 'screenshot.png' })
  filename!: string;

  @TextField({ description: 'Media type.', max: 200, example: 'image/png' })
  mimeType!: string;

  @IntegerField({ description: 'Size in bytes.', max: Number.MAX_SAFE_INTEGER, example: 48213 })
  sizeBytes!: number;

  @TextField({
    description: 'Where Jira serves it.',
    max: 2000,
    example: 'https://example.atlassian.net/rest/api/3/attachment/content/20001',
  })
  url!: string;
}

export class Freshness {
  @EnumField({ description: 'Where it came from.', values: ['jira'] })
  source!: 'jira';

  @TimeField({ description: 'When it was fetched.', nullable: true })
  fetchedAt!: string | null;

  @BooleanField({ description: 'The last good sync is older than two intervals.', example: false })
  stale!: boolean;
}

/** A ticket, whole. */
export class Ticket extends TicketSummary {
  @TextField({ description: 'Sanitised Markdown.', max: 500_000, min: 0, example: '## Steps\n1. Open the page' })
  descriptionMarkdown!: string;

  @ListField(() => AcceptanceCriterion, { description: 'Recognised in the description.' })
  acceptanceCriteria!: AcceptanceCriterion[];

  @ObjectField(() => Person, { description: 'Who reported it.', nullable: true })
  reporter!: Person | null;

  @TimeField({ description: 'When it was made.' })
  createdAt!: string;

  @TextField({ description: 'Due date, YYYY-MM-DD.', max: 10, nullable: true, example: '2026-12-01' })
  dueDate!: string | null;

  @TextListField({ description: 'Labels.', max: 300, example: ['regression'] })
  labels!: string[];

  @ListField(() => TicketComment, { description: 'The latest 10, oldest first.' })
  comments!: TicketComment[];

  @ListField(() => TicketAttachment, { description: 'Attached files.' })
  attachments!: TicketAttachment[];

  @ObjectField(() => Freshness, { description: 'How fresh this is.' })
  freshness!: Freshness;
}

export const TICKET_SORTS = sortsOf('updated_at', 'key', 'priority');

export class TicketPage extends pageOf(TicketSummary) {
  @ObjectField(() => Freshness, { description: 'How fresh the list is.' })
  freshness!: Freshness;
}

export class ListTickets extends query(
  { service: 'jira', name: 'list-tickets', reply: TicketPage, permission: 'tickets:read' },
  PageQuery,
) {
  @EnumField({ description: 'Only this state.', values: TICKET_STATUSES, optional: true, example: 'ready_for_qa' })
  status?: TicketStatus;

  @TextField({ description: '`me`, `none`, or the id of a Jira account.', max: 128, optional: true, example: 'me' })
  assignee?: string;

  @TextField({ description: 'Only this issue type.', max: 200, optional: true, example: 'Bug' })
  type?: string;

  @TextField({ description: 'Only this component.', max: 300, optional: true, example: 'booking' })
  component?: string;

  @TextField({ description: 'Words in key, title or description.', max: 200, optional: true, example: 'login' })
  q?: string;

  @SortField(TICKET_SORTS, '-updated_at')
  sortBy?: (typeof TICKET_SORTS)[number];
}

/** How asking Jira may fail, beside being out of reach or late as every part of the system may be. */
export const JIRA_FAILURES = ['UPSTREAM_FAILED', 'UPSTREAM_NOT_ALLOWED', 'UPSTREAM_REFUSED'] as const;

/** Jira is asked only for a ticket that is not stored. */
export class GetTicket extends query({
  service: 'jira',
  name: 'get-ticket',
  reply: Ticket,
  permission: 'tickets:read',
  errors: ['TICKET_NOT_FOUND', ...JIRA_FAILURES],
}) {
  @TicketKeyField()
  key!: string;
}

export class Transition {
  @TextField({ description: "Jira's id of the transition.", max: 50, example: '31' })
  id!: string;

  @TextField({ description: 'Name.', max: 200, example: 'Start QA' })
  name!: string;

  @EnumField({ description: 'Our state after it.', values: TICKET_STATUSES, example: 'qa_in_progress' })
  toStatus!: TicketStatus;

  @TextField({ description: "Jira's state after it.", max: 200, example: 'In QA' })
  toJiraStatus!: string;
}

/** Asked of Jira itself. */
export class ListTransitions extends query({
  service: 'jira',
  name: 'list-transitions',
  reply: listOf(Transition),
  permission: 'tickets:read',
  errors: ['TICKET_NOT_FOUND', ...JIRA_FAILURES],
}) {
  @TicketKeyField()
  key!: string;
}

/** Answers the ticket after it. */
export class ApplyTransition extends command({
  service: 'jira',
  name: 'apply-transition',
  reply: Ticket,
  permission: 'tickets:write',
  key: 'key',
  errors: ['TICKET_NOT_FOUND', 'TRANSITION_NOT_FOUND', 'TICKET_CHANGE_REFUSED', ...JIRA_FAILURES],
}) {
  @TicketKeyField()
  key!: string;

  @TextField({ description: "Jira's id of the transition.", max: 50, example: '31' })
  transitionId!: string;
}

export class AddComment extends command({
  service: 'jira',
  name: 'add-comment',
  reply: TicketComment,
  permission: 'tickets:write',
  key: 'key',
  errors: ['TICKET_NOT_FOUND', 'TICKET_CHANGE_REFUSED', ...JIRA_FAILURES],
}) {
  @TicketKeyField()
  key!: string;

  @TextField({
    description: 'Markdown, up to 30,000 characters (Jira refuses more than 32,767).',
    max: 30_000,
    example: 'Passed on staging.',
  })
  bodyMarkdown!: string;
}

import { BadAnswer } from '@qa-pms/http';

/**
 * What is used of Jira's answers. Fields may be missing: sites differ, and so do permissions. What makes an answer the
 * one that was asked for (the list of a page, an issue's key) may not: readers throw BadAnswer.
 */

export interface JiraPerson {
  accountId: string;
  displayName: string;
  /** Only where the person lets others see it. */
  email: string | null;
}

export interface JiraStatus {
  name: string;
  categoryKey: string | null;
  categoryId: number | null;
}

export interface JiraComment {
  id: string;
  author: JiraPerson | null;
  /** A document in the Atlassian Document Format, or text. */
  body: unknown;
  createdAt: Date;
  /** Entity properties by their key, where they were asked for. */
  properties: Record<string, unknown>;
}

export interface JiraAttachment {
  id: string;
  filename: string;
  mimeType: string;
  sizeBytes: number;
  url: string;
}

export interface JiraIssue {
  id: string;
  key: string;
  summary: string;
  type: string;
  status: JiraStatus;
  priority: string | null;
  components: string[];
  labels: string[];
  assignee: JiraPerson | null;
  reporter: JiraPerson | null;
  createdAt: Date;
  updatedAt: Date;
  /** YYYY-MM-DD. */
  dueDate: string | null;
  description: unknown;
  comments: JiraComment[];
  /** Whether Jira holds more comments than it sent. */
  hasMoreComments: boolean;
  attachments: JiraAttachment[];
}

export interface JiraTransition {
  id: string;
  name: string;
  to: JiraStatus;
}

export interface SearchPage {
  issues: JiraIssue[];
  nextPageToken: string | null;
}

/** Fields that a search or an issue is asked for: those that are read here. */
export const ISSUE_FIELDS = [
  'summary',
  'issuetype',
  'status',
  'priority',
  'components',
  'labels',
  'assignee',
  'reporter',
  'created',
  'updated',
  'duedate',
  'description',
  'comment',
  'attachment',
];

const EPOCH = new Date(0);

/** An issue; null where it has no key. */
export function readIssue(value: unknown): JiraIssue | null {
  const { id, key, fields: rawFields } = record(value);
  const fields = record(rawFields);
  if (typeof key !== 'string' || key === '') return null;
  const createdAt = moment(fields['created']);
  const comment = record(fields['comment']);
  const comments = list(comment['comments']).flatMap((one) => readComment(one) ?? []);
  return {
    id: text(id) ?? key,
    key,
    summary: text(fields['summary']) ?? key,
    type: named(fields['issuetype']) ?? 'Unknown',
    status: readStatus(fields['status']),
    priority: named(fields['priority']),
    components: list(fields['components']).flatMap((one) => named(one) ?? []),
    labels: list(fields['labels']).flatMap((one) => text(one) ?? []),
    assignee: readPerson(fields['assignee']),
    reporter: readPerson(fields['reporter']),
    createdAt: createdAt ?? EPOCH,
    updatedAt: moment(fields['updated']) ?? createdAt ?? EPOCH,
    dueDate: /^\d{4}-\d{2}-\d{2}/.exec(text(fields['duedate']) ?? '')?.[0] ?? null,
    description: tidy(fields['description']),
    comments,
    hasMoreComments: Number(comment['total'] ?? 0) > comments.length,
    attachments: list(fields['attachment']).flatMap((one) => readAttachment(one) ?? []),
  };
}

export function readSearchPage(body: unknown): SearchPage {
  const { issues, nextPageToken } = record(body);
  return { issues: listOf('issues', issues, readIssue), nextPageToken: text(nextPageToken) };
}

/** Comments of a page, whether Jira calls them `comments` or `values`. */
export function readCommentPage(body: unknown): JiraComment[] {
  const { comments, values } = record(body);
  return listOf('comments', comments ?? values, readComment);
}

export function readComment(value: unknown): JiraComment | null {
  const { id, author, body, created, properties } = record(value);
  const commentId = text(id);
  if (commentId === null) return null;
  const entries = list(properties).map((one) => [String(record(one)['key']), record(one)['value']] as const);
  return {
    id: commentId,
    author: readPerson(author),
    body: tidy(body),
    createdAt: moment(created) ?? EPOCH,
    properties: Object.fromEntries(entries),
  };
}

export function readTransitions(body: unknown): JiraTransition[] {
  return listOf('transitions', record(body)['transitions'], (one) => {
    const { id, name, to } = record(one);
    const transitionId = text(id);
    return transitionId === null ? null : { id: transitionId, name: text(name) ?? transitionId, to: readStatus(to) };
  });
}

/** Keys of a page of projects, and whether it was the last. */
export function readProjectPage(body: unknown): { keys: string[]; isLast: boolean } {
  const { values, isLast } = record(body);
  return { keys: listOf('projects', values, (one) => text(record(one)['key'])), isLast: isLast !== false };
}

/** What Jira says was wrong: both of its shapes. */
export function readErrors(body: unknown): string[] {
  const { errorMessages, errors } = record(body);
  const messages = [...list(errorMessages), ...Object.values(record(errors))];
  return messages.flatMap((one) => text(one) ?? []).map((one) => one.slice(0, 500));
}

function readStatus(value: unknown): JiraStatus {
  const { name, statusCategory } = record(value);
  const { key, id } = record(statusCategory);
  return { name: text(name) ?? 'Unknown', categoryKey: text(key), categoryId: typeof id === 'number' ? id : null };
}

function readPerson(value: unknown): JiraPerson | null {
  const { accountId, displayName, emailAddress } = record(value);
  const id = text(accountId);
  return id === null ? null : { accountId: id, displayName: text(displayName) ?? id, email: text(emailAddress) };
}

function readAttachment(value: unknown): JiraAttachment | null {
  const { id, filename, mimeType, size, content } = record(value);
  const attachmentId = text(id);
  const url = text(content);
  if (attachmentId === null || url === null || !/^https?:\/\//i.test(url)) return null;
  return {
    id: attachmentId,
    filename: text(filename) ?? attachmentId,
    mimeType: text(mimeType) ?? 'application/octet-stream',
    sizeBytes: typeof size === 'number' && size >= 0 ? Math.trunc(size) : 0,
    url,
  };
}

function named(value: unknown): string | null {
  return text(record(value)['name']);
}

/** A string with something in it; numbers count. PostgreSQL takes neither NUL nor lone surrogates. */
function text(value: unknown): string | null {
  const string = typeof value === 'number' ? String(value) : value;
  const cleaned = typeof string === 'string' ? clean(string) : '';
  return cleaned === '' ? null : cleaned;
}

function clean(value: string): string {
  return value.replaceAll('\u0000', '').toWellFormed();
}

/** The same for all texts of a document. */
function tidy(value: unknown): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return null;
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) => (typeof part === 'string' ? clean(part) : part));
}

function moment(value: unknown): Date | null {
  const date = new Date(typeof value === 'string' ? value : NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** What was read, where it is what was asked for. Throws BadAnswer. */
export function required<T>(value: T | null): T {
  if (value === null) throw new BadAnswer('its answer has no id');
  return value;
}

/** The entries of a list that can be used. Throws BadAnswer where it is no list: an empty one would mean something. */
function listOf<T>(name: string, value: unknown, read: (one: unknown) => T | null): T[] {
  if (!Array.isArray(value)) throw new BadAnswer(`its answer has no list of ${name}`);
  return value.flatMap((one) => read(one) ?? []);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

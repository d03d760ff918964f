import { AppError } from '@qa-pms/contracts';
import { HttpClient, type HttpReply } from '@qa-pms/http';
import {
  ISSUE_FIELDS,
  type JiraComment,
  type JiraIssue,
  type JiraTransition,
  readComment,
  readComments,
  readErrors,
  readIssue,
  readProjectPage,
  readSearchPage,
  readTransitions,
  type SearchPage,
} from './jira.schema.js';
import type { AdfDocument } from './text/adf-node.js';

/** How a site is reached. */
export interface JiraClientOptions {
  /** `https://example.atlassian.net` */
  siteUrl: string;
  email: string;
  apiToken: string;
  /** Pauses between tries, milliseconds; for tests. */
  retryDelaysMs?: readonly number[];
}

/** How long a call may take. */
export interface CallLimits {
  /** Milliseconds with all tries. */
  timeoutMs?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/** More a page Jira does not answer when fields are asked for. */
const PAGE_SIZE = 100;
/** A page of whole issues takes Jira longer than other answers. */
const SEARCH_TIMEOUT_MS = 30_000;
/** Sites with more projects than this name those that they want. */
const MAX_PROJECT_PAGES = 20;

/** The calls to Jira Cloud's REST API v3 that we need. Errors: UPSTREAM_*. */
export class JiraClient {
  private readonly http: HttpClient;

  constructor(options: JiraClientOptions) {
    const credentials = Buffer.from(`${options.email}:${options.apiToken}`).toString('base64');
    this.http = new HttpClient({
      upstream: 'jira',
      baseUrl: `${options.siteUrl.replace(/\/+$/, '')}/rest/api/3`,
      headers: { authorization: `Basic ${credentials}` },
      ...(options.retryDelaysMs && { retryDelaysMs: options.retryDelaysMs }),
    });
  }

  /** One page of a search; a POST that changes nothing. */
  async search(jql: string, nextPageToken: string | null, limits: CallLimits = {}): Promise<SearchPage> {
    const body = { jql, fields: ISSUE_FIELDS, maxResults: PAGE_SIZE, ...(nextPageToken !== null && { nextPageToken }) };
    const reply = await this.http.call({
      method: 'POST',
      path: '/search/jql',
      body,
      idempotent: true,
      accept: [400],
      timeoutMs: SEARCH_TIMEOUT_MS,
      ...limits,
    });
    return readSearchPage(taken(reply).body);
  }

  /** The issue, or null where there is none that we may see. */
  async issue(key: string, limits: CallLimits = {}): Promise<JiraIssue | null> {
    const reply = await this.http.call({
      path: `/issue/${encodeURIComponent(key)}`,
      query: { fields: ISSUE_FIELDS.join(',') },
      accept: [404],
      ...limits,
    });
    return reply.status === 404 ? null : readIssue(reply.body);
  }

  /** The latest comments of an issue, newest first. */
  async comments(key: string, count: number, limits: CallLimits = {}): Promise<JiraComment[]> {
    const reply = await this.http.call({
      path: `/issue/${encodeURIComponent(key)}/comment`,
      query: { orderBy: '-created', maxResults: count },
      ...limits,
    });
    return readComments(reply.body);
  }

  /** Comments with their entity properties. */
  async commentsWithProperties(ids: readonly string[], limits: CallLimits = {}): Promise<JiraComment[]> {
    const body = { ids: ids.map(Number) };
    const reply = await this.http.call({
      method: 'POST',
      path: '/comment/list',
      query: { expand: 'properties' },
      body,
      idempotent: true,
      ...limits,
    });
    return readComments(reply.body);
  }

  /** Transitions that are open to us; null where there is no such issue. */
  async transitions(key: string, limits: CallLimits = {}): Promise<JiraTransition[] | null> {
    const reply = await this.http.call({
      path: `/issue/${encodeURIComponent(key)}/transitions`,
      accept: [404],
      ...limits,
    });
    return reply.status === 404 ? null : readTransitions(reply.body);
  }

  /** Errors: TICKET_NOT_FOUND, and TICKET_CHANGE_REFUSED where it wants more fields than we send. */
  async applyTransition(key: string, transitionId: string, limits: CallLimits = {}): Promise<void> {
    const reply = await this.http.call({
      method: 'POST',
      path: `/issue/${encodeURIComponent(key)}/transitions`,
      body: { transition: { id: transitionId } },
      accept: [400, 404, 409, 422],
      ...limits,
    });
    taken(reply, key);
  }

  /** Writes a comment that carries entity properties, by which it is known again. Errors: TICKET_NOT_FOUND, TICKET_CHANGE_REFUSED. */
  async addComment(
    key: string,
    body: AdfDocument,
    properties: { key: string; value: unknown }[],
    limits: CallLimits = {},
  ): Promise<JiraComment> {
    const reply = await this.http.call({
      method: 'POST',
      path: `/issue/${encodeURIComponent(key)}/comment`,
      body: { body, properties },
      accept: [400, 404, 413],
      ...limits,
    });
    const comment = readComment(taken(reply, key).body);
    if (!comment) throw new AppError('UPSTREAM_FAILED', { upstream: 'jira', status: reply.status });
    return comment;
  }

  /** Keys of all projects that we may see. */
  async projectKeys(limits: CallLimits = {}): Promise<string[]> {
    const keys: string[] = [];
    for (let page = 0; page < MAX_PROJECT_PAGES; page += 1) {
      const query = { startAt: keys.length, maxResults: 50, orderBy: 'key' };
      const reply = await this.http.call({ path: '/project/search', query, ...limits });
      const found = readProjectPage(reply.body);
      keys.push(...found.keys);
      if (found.isLast || found.keys.length === 0) break;
    }
    return keys;
  }

  close(): Promise<void> {
    return this.http.close();
  }
}

/** A value within JQL, quoted so that nothing in it can end it. */
export function jqlValue(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** The reply where Jira did what it was asked; its reasons where it did not. */
function taken(reply: HttpReply, key?: string): HttpReply {
  if (reply.status < 400) return reply;
  const reasons = readErrors(reply.body);
  if (key === undefined) throw new AppError('UPSTREAM_FAILED', { upstream: 'jira', status: reply.status, reasons });
  if (reply.status === 404) throw new AppError('TICKET_NOT_FOUND', { key });
  throw new AppError('TICKET_CHANGE_REFUSED', { key, reasons });
}

import { AppError } from '@qa-pms/contracts';
import { HttpClient, type HttpCall, type HttpClientOptions, type UpstreamSettings } from '@qa-pms/http';
import {
  ISSUE_FIELDS,
  type JiraComment,
  type JiraIssue,
  type JiraTransition,
  readComment,
  readCommentPage,
  readErrors,
  readIssue,
  readProjectPage,
  readSearchPage,
  readTransitions,
  required,
  type SearchPage,
} from './jira.schema.js';
import type { AdfDocument } from './text/adf-node.js';

/** An account of a site. */
export interface JiraAccount {
  email: string;
  apiToken: string;
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

/** The way to a site, for all its accounts. `siteUrl`: `https://example.atlassian.net`. */
export function jiraSite(
  siteUrl: string,
  settings: UpstreamSettings,
  more: Pick<HttpClientOptions, 'observer' | 'log' | 'redis'> = {},
): HttpClient {
  const baseUrl = `${siteUrl.replace(/\/+$/, '')}/rest/api/3`;
  return new HttpClient({ upstream: 'jira', baseUrl, settings, ...more });
}

/** The calls to Jira Cloud's REST API v3 that we need. Errors: UPSTREAM_*. */
export class JiraClient {
  private readonly authorization: string;

  constructor(
    private readonly site: HttpClient,
    private readonly account: JiraAccount,
  ) {
    this.authorization = `Basic ${Buffer.from(`${account.email}:${account.apiToken}`).toString('base64')}`;
  }

  /** One page of a search; a POST that changes nothing. */
  search(jql: string, nextPageToken: string | null, limits: CallLimits = {}): Promise<SearchPage> {
    const body = { jql, fields: ISSUE_FIELDS, maxResults: PAGE_SIZE, ...(nextPageToken !== null && { nextPageToken }) };
    return this.call({
      method: 'POST',
      path: '/search/jql',
      body,
      idempotent: true,
      accept: [400],
      timeoutMs: SEARCH_TIMEOUT_MS,
      ...limits,
      read: (answer, status) => {
        if (status < 400) return readSearchPage(answer);
        throw new AppError('UPSTREAM_FAILED', { upstream: 'jira', status, reasons: readErrors(answer) });
      },
    });
  }

  /** The issue, or null where there is none that we may see. */
  issue(key: string, limits: CallLimits = {}): Promise<JiraIssue | null> {
    return this.call({
      path: `/issue/${encodeURIComponent(key)}`,
      query: { fields: ISSUE_FIELDS.join(',') },
      accept: [404],
      ...limits,
      read: (answer, status) => (status === 404 ? null : required(readIssue(answer))),
    });
  }

  /** The latest comments of an issue, newest first. */
  comments(key: string, count: number, limits: CallLimits = {}): Promise<JiraComment[]> {
    return this.call({
      path: `/issue/${encodeURIComponent(key)}/comment`,
      query: { orderBy: '-created', maxResults: count },
      ...limits,
      read: readCommentPage,
    });
  }

  /** Comments with their entity properties. */
  commentsWithProperties(ids: readonly string[], limits: CallLimits = {}): Promise<JiraComment[]> {
    return this.call({
      method: 'POST',
      path: '/comment/list',
      query: { expand: 'properties' },
      body: { ids: ids.map(Number) },
      idempotent: true,
      ...limits,
      read: readCommentPage,
    });
  }

  /** Transitions that are open to us; null where there is no such issue. */
  transitions(key: string, limits: CallLimits = {}): Promise<JiraTransition[] | null> {
    return this.call({
      path: `/issue/${encodeURIComponent(key)}/transitions`,
      accept: [404],
      ...limits,
      read: (answer, status) => (status === 404 ? null : readTransitions(answer)),
    });
  }

  /** Errors: TICKET_NOT_FOUND, and TICKET_CHANGE_REFUSED where it wants more fields than we send. */
  applyTransition(key: string, transitionId: string, limits: CallLimits = {}): Promise<void> {
    return this.call({
      method: 'POST',
      path: `/issue/${encodeURIComponent(key)}/transitions`,
      body: { transition: { id: transitionId } },
      accept: [400, 404, 409, 422],
      ...limits,
      read: (answer, status) => {
        refuseChange(key, answer, status);
      },
    });
  }

  /** Writes a comment that carries entity properties, by which it is known again. Errors: TICKET_NOT_FOUND, TICKET_CHANGE_REFUSED. */
  addComment(
    key: string,
    body: AdfDocument,
    properties: { key: string; value: unknown }[],
    limits: CallLimits = {},
  ): Promise<JiraComment> {
    return this.call({
      method: 'POST',
      path: `/issue/${encodeURIComponent(key)}/comment`,
      body: { body, properties },
      accept: [400, 404, 413],
      ...limits,
      read: (answer, status) => {
        refuseChange(key, answer, status);
        return required(readComment(answer));
      },
    });
  }

  /** Keys of all projects that we may see. */
  async projectKeys(limits: CallLimits = {}): Promise<string[]> {
    const keys: string[] = [];
    for (let page = 0; page < MAX_PROJECT_PAGES; page += 1) {
      const query = { startAt: keys.length, maxResults: 50, orderBy: 'key' };
      const found = await this.call({ path: '/project/search', query, ...limits, read: readProjectPage });
      keys.push(...found.keys);
      if (found.isLast || found.keys.length === 0) break;
    }
    return keys;
  }

  private call<T>(call: HttpCall<T>): Promise<T> {
    return this.site.call({ ...call, account: this.account.email, headers: { authorization: this.authorization } });
  }
}

/** A value within JQL, quoted so that nothing in it can end it. */
export function jqlValue(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** Throws what a change that Jira did not make is answered with. */
function refuseChange(key: string, answer: unknown, status: number): void {
  if (status < 400) return;
  if (status === 404) throw new AppError('TICKET_NOT_FOUND', { key });
  throw new AppError('TICKET_CHANGE_REFUSED', { key, reasons: readErrors(answer) });
}

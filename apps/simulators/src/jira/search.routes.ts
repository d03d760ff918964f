import type { FastifyInstance } from 'fastify';
import { JiraError } from './jira-error.js';
import type { JiraStore } from './jira-store.js';
import type { SimulatedIssue } from './jira-types.js';
import { parseJql } from './jql.js';
import { issueView, readNames } from './views.js';

/** With more than ids Jira answers at most 100 issues a page. */
const PAGE_LIMIT = 100;
const PAGE_DEFAULT = 50;
/** https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulkfetch-post */
const BULK_LIMIT = 100;

/** Searches, projects and the bulk fetch. */
export function searchRoutes(app: FastifyInstance, store: JiraStore, now: () => Date, url: () => string): void {
  const search = (input: Record<string, unknown>) => {
    const jql = String(input['jql'] ?? '');
    const offset = readToken(input['nextPageToken'], jql);
    const size = Math.min(Number(input['maxResults'] ?? PAGE_DEFAULT), PAGE_LIMIT);
    if (!Number.isInteger(size) || size < 1) throw new JiraError(400, { maxResults: 'maxResults must be at least 1.' });
    const found = select(jql);
    const fields = readNames(input['fields']);
    const issues = found.slice(offset, offset + size).map((issue) => issueView(url(), issue, fields));
    const end = offset + size;
    if (end >= found.length) return { issues, isLast: true };
    return { issues, isLast: false, nextPageToken: writeToken(end, jql) };
  };

  const select = (jql: string): SimulatedIssue[] => {
    const { matches, compare } = parseJql(jql, { now: now().getTime(), projectKeys: store.projectKeys() });
    return store.all().filter(matches).sort(compare);
  };

  app.get('/rest/api/3/search/jql', (request) => search(request.query as Record<string, unknown>));
  app.post('/rest/api/3/search/jql', (request) => search((request.body ?? {}) as Record<string, unknown>));

  app.route({
    method: ['GET', 'POST'],
    url: '/rest/api/3/search',
    handler: () => {
      throw new JiraError(410, 'The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.');
    },
  });

  app.post('/rest/api/3/search/approximate-count', (request) => {
    const { jql } = (request.body ?? {}) as { jql?: unknown };
    return { count: select(typeof jql === 'string' ? jql : '').length };
  });

  app.post('/rest/api/3/issue/bulkfetch', (request) => {
    const { issueIdsOrKeys, fields } = (request.body ?? {}) as Record<string, unknown>;
    const wanted = readNames(issueIdsOrKeys) ?? [];
    if (wanted.length === 0 || wanted.length > BULK_LIMIT) {
      throw new JiraError(400, `Give 1 to ${String(BULK_LIMIT)} issue ids or keys.`);
    }
    const missing = wanted.filter((one) => !store.find(one));
    const issues = wanted
      .flatMap((one) => store.find(one) ?? [])
      .map((issue) => issueView(url(), issue, readNames(fields) ?? []));
    const issueErrors = missing.map((id) => ({
      id,
      errorMessage: 'Issue does not exist or you do not have permission to see it.',
    }));
    return { issues, issueErrors };
  });

  app.get('/rest/api/3/project/search', (request) => {
    const { startAt = '0', maxResults = '50' } = request.query as Record<string, string>;
    const start = Number(startAt);
    const size = Math.min(Number(maxResults), PAGE_LIMIT);
    const keys = [...store.projectKeys()].sort();
    const values = keys.slice(start, start + size).map((key, index) => ({
      id: String(10_000 + start + index),
      key,
      name: key,
      self: `${url()}/rest/api/3/project/${key}`,
      projectTypeKey: 'software',
      simplified: false,
      style: 'classic',
      isPrivate: false,
    }));
    return {
      self: `${url()}/rest/api/3/project/search`,
      startAt: start,
      maxResults: size,
      total: keys.length,
      isLast: start + size >= keys.length,
      values,
    };
  });

  app.get('/rest/api/3/myself', () => ({
    self: `${url()}/rest/api/3/user?accountId=${store.account.accountId}`,
    ...store.account,
    timeZone: 'Etc/UTC',
    locale: 'en_US',
  }));
}

/** Tokens are opaque to the caller and good for the query that they came from only. */
function writeToken(offset: number, jql: string): string {
  return Buffer.from(JSON.stringify({ offset, jql })).toString('base64url');
}

function readToken(token: unknown, jql: string): number {
  if (token === undefined || token === null) return 0;
  try {
    const read = JSON.parse(Buffer.from(String(token), 'base64url').toString()) as { offset: number; jql: string };
    if (read.jql === jql && Number.isInteger(read.offset)) return read.offset;
  } catch {
    // Falls through: not a token of ours.
  }
  throw new JiraError(400, 'The provided next page token is invalid or has expired.');
}

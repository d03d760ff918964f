import type { SimulatedComment, SimulatedIssue } from './jira-types.js';

/** What a caller wants to see of an issue: names of fields, `*all`, `*navigable`, and `-name` to leave one out. */
export type WantedFields = readonly string[] | null;

/** An issue as Jira answers it. Without wanted fields it has ids only, which is what a search does. */
export function issueView(url: string, issue: SimulatedIssue, wanted: WantedFields): Record<string, unknown> {
  const self = `${url}/rest/api/3/issue/${issue.id}`;
  const view = {
    expand: 'renderedFields,names,schema,operations,editmeta,changelog',
    id: issue.id,
    self,
    key: issue.key,
  };
  if (wanted === null) return { id: issue.id };
  const all = {
    ...issue.fields,
    comment: commentPage(url, issue, issue.comments, 0, 5000),
    worklog: { startAt: 0, maxResults: 20, total: issue.worklogs.length, worklogs: issue.worklogs },
  };
  const everything = wanted.length === 0 || wanted.includes('*all') || wanted.includes('*navigable');
  const left = Object.entries(all).filter(
    ([name]) => (everything || wanted.includes(name)) && !wanted.includes(`-${name}`),
  );
  return { ...view, fields: Object.fromEntries(left) };
}

export function commentPage(
  url: string,
  issue: SimulatedIssue,
  comments: SimulatedComment[],
  startAt: number,
  maxResults: number,
) {
  const rows = comments.slice(startAt, startAt + maxResults);
  const self = `${url}/rest/api/3/issue/${issue.id}/comment`;
  return { comments: rows.map((row) => commentView(self, row)), self, maxResults, total: comments.length, startAt };
}

export function commentView(self: string, comment: SimulatedComment, withProperties = false): Record<string, unknown> {
  const { properties, ...rest } = comment;
  return {
    self: `${self}/${comment.id}`,
    ...rest,
    updateAuthor: comment.author,
    jsdPublic: true,
    ...(withProperties && { properties }),
  };
}

/** `a,b` in one parameter, or the parameter several times, or a list in a body. */
export function readNames(value: unknown): string[] | null {
  const list = Array.isArray(value) ? value : typeof value === 'string' ? [value] : null;
  return list ? list.flatMap((one) => String(one).split(',')).map((one) => one.trim()) : null;
}

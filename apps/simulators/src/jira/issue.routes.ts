import type { FastifyInstance } from 'fastify';
import type { JiraStore } from './jira-store.js';
import { commentPage, commentView, issueView, readNames } from './views.js';

interface IssueRoute {
  Params: { issue: string };
  Querystring: Record<string, string | undefined>;
  Body: Record<string, unknown> | null;
}

/** One issue: reading it, its transitions, comments and worklogs. */
export function issueRoutes(app: FastifyInstance, store: JiraStore, url: () => string): void {
  app.get<IssueRoute>('/rest/api/3/issue/:issue', ({ params, query }) => {
    const issue = store.get(params.issue);
    const view = issueView(url(), issue, readNames(query['fields']) ?? []);
    const expanded = readNames(query['expand'])?.includes('transitions');
    return expanded ? { ...view, transitions: store.transitions(issue).map(transitionView) } : view;
  });

  app.get<IssueRoute>('/rest/api/3/issue/:issue/transitions', ({ params }) => ({
    expand: 'transitions',
    transitions: store.transitions(store.get(params.issue)).map(transitionView),
  }));

  app.post<IssueRoute>('/rest/api/3/issue/:issue/transitions', async ({ params, body }, reply) => {
    const { id } = (body?.['transition'] ?? {}) as { id?: unknown };
    store.transition(store.get(params.issue), typeof id === 'string' ? id : undefined);
    return reply.code(204).send();
  });

  app.get<IssueRoute>('/rest/api/3/issue/:issue/comment', ({ params, query }) => {
    const issue = store.get(params.issue);
    const comments = query['orderBy'] === '-created' ? [...issue.comments].reverse() : issue.comments;
    return commentPage(url(), issue, comments, Number(query['startAt'] ?? 0), Number(query['maxResults'] ?? 50));
  });

  app.post<IssueRoute>('/rest/api/3/issue/:issue/comment', async ({ params, body }, reply) => {
    const issue = store.get(params.issue);
    const comment = store.comment(issue, body?.['body'], body?.['properties']);
    return reply.code(201).send(commentView(`${url()}/rest/api/3/issue/${issue.id}/comment`, comment));
  });

  app.post<IssueRoute>('/rest/api/3/comment/list', ({ query, body }) => {
    const ids = (Array.isArray(body?.['ids']) ? body['ids'] : []).map(Number);
    const expanded = readNames(query['expand'])?.includes('properties') ?? false;
    const found = store.all().flatMap((issue) => issue.comments.filter((comment) => ids.includes(Number(comment.id))));
    const values = found.map((comment) => commentView(`${url()}/rest/api/3/comment`, comment, expanded));
    return { startAt: 0, maxResults: 1000, total: values.length, isLast: true, values };
  });

  app.post<IssueRoute>('/rest/api/3/issue/:issue/worklog', async ({ params, body }, reply) => {
    const worklog = store.worklog(store.get(params.issue), body ?? {});
    return reply
      .code(201)
      .send({ self: `${url()}/rest/api/3/issue/${params.issue}/worklog/${String(worklog['id'])}`, ...worklog });
  });

  app.get<IssueRoute>('/rest/api/3/issue/:issue/worklog', ({ params }) => {
    const { worklogs } = store.get(params.issue);
    return { startAt: 0, maxResults: 5000, total: worklogs.length, worklogs };
  });
}

function transitionView({ id, name, to }: ReturnType<JiraStore['transitions']>[number]) {
  return {
    id,
    name,
    to,
    hasScreen: false,
    isGlobal: true,
    isInitial: false,
    isAvailable: true,
    isConditional: false,
    looped: false,
  };
}

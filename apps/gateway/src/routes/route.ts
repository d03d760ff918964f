import type { DtoClass, ReplyOf, RequestClass } from '@qa-pms/contracts';
import type { Caller, MessageBus } from '@qa-pms/platform';
import type { FastifyReply } from 'fastify';

/** The groups of the API documentation, in its order. */
export const TAGS = {
  'Sign-in': 'An access token for a name and a password; who one is, and what one may do.',
  Users: 'People who can sign in, and what they may do everywhere. For administrators.',
  Projects: 'What everything else belongs to, with its members and their roles.',
  Tickets: "Jira's issues as they were at the last sync, their comments and attachments, and moving one on.",
  'Workflow templates': 'The steps that a new workflow has. A change is a new version; workflows keep theirs.',
  Workflows: 'The guided way through a ticket, step by step; its time is measured by itself.',
  Time: 'Sessions of work, against estimates: corrections, history, averages, trends, learned estimates, alerts.',
  Reports: 'What was made of a completed workflow: to read, edit, finalise and export.',
  Operations:
    'For whoever runs the system: probes, what is unwell, and the keys that tokens are checked with. Not below /api/v1.',
} as const;

export type Tag = keyof typeof TAGS;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a route with work of its own is given. */
export interface RouteCall {
  payload: Record<string, unknown>;
  caller: Caller;
  /** Sends a request as the caller of the route. */
  request: <C extends RequestClass>(message: C, payload: InstanceType<C>) => Promise<ReplyOf<C>>;
  bus: MessageBus;
}

/** A class as JSON, or a file of one of these media types with its example. */
export type AnswerBody = DtoClass | Record<string, string>;

/** An answer that is more than the reply of one message. */
export interface OwnAnswer {
  /** What it sends, by status, for the API documentation. */
  sends: Partial<Record<200 | 201, AnswerBody>>;
  send: (call: RouteCall, reply: FastifyReply) => Promise<unknown>;
}

/** One route of the API: which message it sends, and how its answer looks. */
export interface Route {
  method: Method;
  /** Fastify's pattern below /api/v1; path parameters are fields of the payload. */
  path: string;
  tag: Tag;
  /** Names the operation in the API documentation. */
  summary: string;
  message: RequestClass;
  /** Status of the answer; 200 unless said. */
  status?: 200 | 201 | 204;
  /** Which project: that of the header (default), the `id` in the path, or none. */
  project?: 'header' | 'path' | 'none';
  /** Needs no token. */
  isPublic?: boolean;
  /** `If-Match` becomes the payload's `expectedVersion`. */
  ifMatch?: 'required' | 'optional';
  /** The version that the answer's ETag tells. */
  version?: (reply: never) => number | undefined;
  /** Where it is more than the reply of one message. It sends the ETag itself that `version` tells of. */
  answer?: OwnAnswer;
}

/** Rows of one resource, with its tag. */
export function routes(tag: Tag, rows: Omit<Route, 'tag'>[]): Route[] {
  return rows.map((row) => ({ tag, ...row }));
}

/** ETag of things that count their changes; none in a reply of before they did, stored for an `Idempotency-Key`. */
export const byRowVersion = ({ rowVersion }: { rowVersion?: number }): number | undefined => rowVersion;
export const byVersion = ({ version }: { version: number }): number => version;

import type { ReplyOf, RequestClass } from '@qa-pms/contracts';
import type { Caller, MessageBus } from '@qa-pms/platform';
import type { FastifyReply } from 'fastify';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a route with work of its own is given. */
export interface RouteCall {
  payload: Record<string, unknown>;
  caller: Caller;
  /** Sends a request as the caller of the route. */
  request: <C extends RequestClass>(message: C, payload: InstanceType<C>) => Promise<ReplyOf<C>>;
  bus: MessageBus;
}

/** One route of the API: which message it sends, and how its answer looks. */
export interface Route {
  method: Method;
  /** Fastify's pattern below /api/v1; path parameters are fields of the payload. */
  path: string;
  /** Names the operation in the API documentation. */
  tag: string;
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
  version?: (reply: never) => number;
  /** Sends the answer itself, where it is more than the reply of one message. */
  answer?: (call: RouteCall, reply: FastifyReply) => Promise<unknown>;
}

/** Rows of one resource, with its tag. */
export function routes(tag: string, rows: Omit<Route, 'tag'>[]): Route[] {
  return rows.map((row) => ({ tag, ...row }));
}

/** ETag of things that count their changes. */
export const byRowVersion = ({ rowVersion }: { rowVersion: number }): number => rowVersion;
export const byVersion = ({ version }: { version: number }): number => version;

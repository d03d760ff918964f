import { STATUS_CODES } from 'node:http';
import { AppError, type ErrorCode } from '@qa-pms/contracts';
import { type Log, toAppError } from '@qa-pms/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What every refusal looks like. */
export interface ErrorBody {
  /** One sentence: what was wrong and what to do. */
  error: string;
  code: ErrorCode;
  details: Record<string, unknown>;
  requestId: string;
  /** Trace that this request belongs to; null where none is recorded. */
  traceId: string | null;
}

/** An input that breaks one rule, told like those that break a schema. */
export function violation(path: string, rule: string, message: string): AppError {
  return new AppError('VALIDATION_ERROR', { violations: [{ path, rule, message }] });
}

export function errorBody(error: AppError, requestId: string): ErrorBody {
  return { error: error.message, code: error.code, details: error.details, requestId, traceId: null };
}

/** The same facts as RFC 9457 has them. */
export function problemBody(error: AppError, requestId: string): Record<string, unknown> {
  const { status } = error.kind;
  const { error: detail, ...facts } = errorBody(error, requestId);
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...facts };
}

/** Fastify's own refusals by its codes: https://fastify.dev/docs/latest/Reference/Errors/ */
const FASTIFY_CODES: Record<string, (limitBytes: number) => AppError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (limitBytes) => new AppError('BODY_TOO_LARGE', { limitBytes }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new AppError('UNSUPPORTED_MEDIA_TYPE'),
  FST_ERR_CTP_INVALID_TYPE: () => new AppError('UNSUPPORTED_MEDIA_TYPE'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new AppError('MALFORMED_JSON', { reason: 'length' }),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new AppError('MALFORMED_JSON', { reason: 'empty' }),
  FST_ERR_BAD_URL: () => violation('url', 'isUtf8', 'the address has an invalid percent encoding'),
  FST_ERR_MAX_PARAM_LENGTH: () => new AppError('URI_TOO_LONG'),
};

/** Whatever was thrown, as the AppError that the client gets. */
export function refusalOf(thrown: unknown, limitBytes: number): AppError {
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (known) return known(limitBytes);
  const error = toAppError(thrown);
  // A fault of the client that Fastify or Node noticed, such as a connection that ended within the body.
  const clientFault = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (error.code === 'INTERNAL_ERROR' && clientFault) {
    return violation('request', 'http', 'the request is not valid HTTP, or ended too early');
  }
  return error;
}

/** Answers with the error contract, or as a problem document where that is asked for. */
export function sendError(error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, retryable } = error.kind;
  // A conflict is over as soon as the client has read again: only where we are the reason is there a time to wait.
  if (retryable && (status === 503 || status === 429)) reply.header('retry-after', '1');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  const asProblem = request.headers.accept?.includes('application/problem+json') ?? false;
  const body = asProblem ? problemBody(error, request.requestId) : errorBody(error, request.requestId);
  const type = asProblem ? 'application/problem+json' : 'application/json; charset=utf-8';
  return reply.status(status).header('content-type', type).header('cache-control', 'no-store').send(JSON.stringify(body));
}

/** Turns everything that is thrown within a request into its answer; what somebody must look at is logged. */
export function errorHandler(log: Log, limitBytes: number) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = refusalOf(thrown, limitBytes);
    if (error.kind.status >= 500) {
      const { requestId, caller } = request;
      const facts = { requestId, userId: caller?.userId, projectId: caller?.projectId, code: error.code };
      const level = error.kind.level;
      log[level]({ ...facts, details: error.details, ...(level === 'error' && { err: thrown }) }, 'request failed');
    }
    return sendError(error, request, reply);
  };
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, type ErrorCode } from '@qa-pms/contracts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { toAppError } from './faults.js';
import type { Log } from './log.js';
import { requestFailed } from './telemetry/http-telemetry.js';
import { recordedTraceId } from './telemetry/spans.js';

/** Seconds after which a retryable refusal is worth another try. */
const RETRY_AFTER_S = '1';

/** Fastify's and Node's refusals of a request, as ours. https://fastify.dev/docs/latest/Reference/Errors/ */
const BY_CODE: Record<string, (error: FastifyError) => AppError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new AppError('BODY_TOO_LARGE'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new AppError('UNSUPPORTED_MEDIA_TYPE'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new AppError('MALFORMED_JSON'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => new AppError('MALFORMED_JSON'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => AppError.invalid('Content-Length', 'isLength', 'does not match the body'),
  FST_ERR_BAD_URL: () => AppError.invalid('url', 'isUrl', 'The address is not valid percent-encoded UTF-8.'),
  FST_ERR_MAX_PARAM_LENGTH: () => new AppError('URI_TOO_LONG'),
};

/** Anything thrown while an HTTP request was handled, as the AppError that its sender gets. */
export function httpError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code, statusCode, message } = error as Partial<FastifyError>;
  const known = typeof code === 'string' ? BY_CODE[code] : undefined;
  if (known) return known(error as FastifyError);
  const status = statusCode ?? (error as { status?: unknown }).status;
  if (status === 404) return new AppError('ROUTE_NOT_FOUND');
  if (status === 503) return new AppError('SHUTTING_DOWN');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return AppError.invalid('request', 'isRequest', message ?? 'is not valid');
  }
  return toAppError(error);
}

/** Answers with the error contract, or with RFC 9457 where that is asked for. */
export async function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): Promise<void> {
  const refusal = httpError(error);
  // Closed while its body still comes in, a connection loses the answer: so the rest of the body is read and dropped,
  // which ends at the latest with the timeout of requests.
  if (refusal.code === 'BODY_TOO_LARGE') void reply.removeHeader('connection');
  const { status, retryable, level } = refusal.kind;
  const requestId = typeof request.id === 'string' ? request.id : null;
  if (level === 'error') log.error({ requestId, code: refusal.code, err: refusal.cause ?? error }, 'request failed');
  if (level === 'warn' && !refusal.isLogged) {
    const { method, route } = request;
    log.warn({ requestId, code: refusal.code, method, route }, 'request refused');
  }
  const details =
    refusal.code === 'ROUTE_NOT_FOUND'
      ? { method: request.method, path: request.url.split('?', 1)[0] }
      : refusal.details;
  const sentence =
    refusal.code === 'ROUTE_NOT_FOUND' ? new AppError('ROUTE_NOT_FOUND', details).message : refusal.message;
  const span = requestFailed(request, refusal);
  const facts = { code: refusal.code, details, requestId, traceId: recordedTraceId(span) };
  if (status === 503 || status === 429 || (retryable && status === 504))
    void reply.header('retry-after', RETRY_AFTER_S);
  void reply.status(status).header('cache-control', 'no-store');
  if (request.headers.accept?.includes('application/problem+json') === true) {
    const problem = { type: `urn:qa-pms:error:${refusal.code}`, title: sentence, status, ...facts };
    await reply.type('application/problem+json').send(JSON.stringify(problem));
    return;
  }
  await reply.type('application/json; charset=utf-8').send(JSON.stringify({ error: sentence, ...facts }));
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The id that ties all together: what the client sent where it is well-formed, else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'] ?? headers['x-correlation-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Node's refusals before there is a request. https://nodejs.org/docs/latest-v24.x/api/http.html#event-clienterror */
const UNREADABLE: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Answers bytes that are no HTTP request with the error contract as well, and closes; null where nobody listens. */
export function refuseUnreadable(error: Error & { code?: string }, socket: Socket, requestId: string): AppError | null {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return null;
  }
  const refusal = new AppError(UNREADABLE[error.code ?? ''] ?? 'MALFORMED_REQUEST');
  const { code, kind, message } = refusal;
  const body = JSON.stringify({ error: message, code, details: {}, requestId, traceId: null });
  const head = `HTTP/1.1 ${String(kind.status)} ${code}\r\nContent-Type: application/json; charset=utf-8\r\n`;
  socket.end(`${head}Content-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`);
  return refusal;
}

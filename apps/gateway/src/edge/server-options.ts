import type { Socket } from 'node:net';
import { AppError, type ErrorCode } from '@qa-pms/contracts';
import type { FastifyServerOptions } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { errorBody, refusalOf, sendError, violation } from './errors.js';
import { SECURITY_HEADERS, setSecurityHeaders } from './headers.js';
import { requestIdOf } from './request-id.js';

/** Largest body of a request. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/** Node's parser errors: https://nodejs.org/api/http.html#event-clienterror */
const CLIENT_ERRORS: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'BODY_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Answers what never became a request, in the error contract. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // Nobody reads an answer there, or another one is being written.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const code = CLIENT_ERRORS[error.code ?? ''];
  const refusal = code ? new AppError(code) : violation('request', 'http', 'the request is not valid HTTP');
  const requestId = uuidv7();
  const body = JSON.stringify(errorBody(refusal, requestId));
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    'x-correlation-id': requestId,
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${String(refusal.kind.status)} \r\n${lines.join('')}\r\n${body}`);
}

/** What must be known when the server is made: how it answers before any hook or route is reached. */
export const serverOptions: FastifyServerOptions = {
  bodyLimit: BODY_LIMIT_BYTES,
  requestTimeout: 30_000,
  // Draining is answered in the error contract by the edge itself.
  return503OnClosing: false,
  routerOptions: { maxParamLength: 1000 },
  clientErrorHandler: answerClientError,
  frameworkErrors: (thrown, request, reply) => {
    const requestId = requestIdOf(request.raw.headers);
    setSecurityHeaders(request, reply);
    reply.header('x-request-id', requestId).header('x-correlation-id', requestId);
    request.requestId = requestId;
    void sendError(refusalOf(thrown, BODY_LIMIT_BYTES), request, reply);
  },
};

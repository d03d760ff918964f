import type { Attributes, Span } from '@opentelemetry/api';
import type { AppError } from '@qa-pms/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { counter, histogram, Ongoing, secondsSince } from './metrics.js';
import { describeSpan, observe, parentOf, SpanKind, startSpan, withSpan } from './spans.js';

const requests = counter('http_requests_total', 'HTTP requests that were answered, by the pattern of their route.', [
  'method',
  'path',
  'status',
  'error_code',
]);
const durations = histogram(
  'http_request_duration_seconds',
  'From the head of an HTTP request to the end of its answer.',
  {
    labels: ['method', 'path', 'status'],
  },
);
const inFlight = new Ongoing('http_requests_in_flight', 'HTTP requests that are being answered.');
const errors = counter('service_errors_total', 'Faults that somebody must look at, by their code.', ['code']);

/** What is told of a request beside itself. */
interface Told {
  service: string;
  /** Of `performance.now()`. */
  start: number;
  span: Span;
  errorCode: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined for probes and scrapes, which are neither counted nor traced. */
    told: Told | undefined;
  }
}

/** Status of a request whose sender went before the answer. */
const GONE = 'gone';

/** Counts a request that has come, and begins its span. */
export function requestCame(request: FastifyRequest, service: string): void {
  const path = pathOf(request);
  inFlight.add(service, 1, () => ({ service }));
  // https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
  const attributes = () => ({
    'http.request.method': request.method,
    'http.route': path,
    'url.scheme': 'http',
    'qa.service': service,
    'qa.request_id': request.id,
  });
  const span = startSpan(`${request.method} ${path}`, SpanKind.SERVER, attributes, parentOf(request.headers));
  request.told = { service, start: performance.now(), span, errorCode: '' };
}

/** Counts a request that was answered, or whose sender has gone, and ends its span. */
export function requestEnded(request: FastifyRequest, reply: FastifyReply): void {
  if (!request.told) return;
  const { span, start, errorCode, service } = request.told;
  const status = reply.raw.headersSent ? String(reply.statusCode) : GONE;
  const labels = { service, method: request.method, path: pathOf(request), status };
  inFlight.add(service, -1, () => ({ service }));
  requests.inc({ ...labels, error_code: errorCode });
  observe(durations, labels, secondsSince(start), span);
  if (status !== GONE) span.setAttribute('http.response.status_code', reply.statusCode);
  if (status === GONE || reply.statusCode >= 500)
    span.setAttribute('error.type', errorCode === '' ? status : errorCode);
  span.end();
}

/** Milliseconds since a request came. Fastify's own measures only where somebody listens to responses. */
export function elapsedMs({ told }: FastifyRequest): number {
  return told ? performance.now() - told.start : 0;
}

/** Runs work within the span of a request, also after its end. */
export function inRequest(request: FastifyRequest, work: () => void): void {
  if (request.told) withSpan(request.told.span, work);
  else work();
}

/** Adds to what is told of a request. */
export function describeRequest(request: FastifyRequest, attributes: () => Attributes): void {
  describeSpan(request.told?.span, attributes);
}

/** A request that failed, with its code; answers the span, where the request has one. */
export function requestFailed(request: FastifyRequest, error: AppError): Span | undefined {
  const { told } = request;
  if (!told) return undefined;
  told.errorCode = error.code;
  if (error.kind.level === 'error') countFault(told.service, error.code);
  return told.span;
}

/** Bytes that were no HTTP request, with what they are answered. */
export function countUnreadable(service: string, { code, kind }: AppError): void {
  requests.inc({ service, method: 'unknown', path: 'unknown', status: String(kind.status), error_code: code });
}

/** A fault that somebody must look at. */
export function countFault(service: string, code: string): void {
  errors.inc({ service, code });
}

/** The pattern of its route: addresses have ids in them, and there is no end of unknown ones. */
function pathOf(request: FastifyRequest): string {
  return request.route ?? 'unknown';
}

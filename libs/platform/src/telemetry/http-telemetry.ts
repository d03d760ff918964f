import type { Attributes, Span } from '@opentelemetry/api';
import type { AppError } from '@qa-pms/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
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

/** What is known of a request beside itself. */
interface Told {
  start: number;
  span: Span;
  errorCode: string;
  service: string;
  isEnded: boolean;
}

/** Status of a request whose sender went before the answer. */
const GONE = 'gone';

const told = new WeakMap<FastifyRequest, Told>();

/** Counts and traces the requests of a service; probes and scrapes are not told of. */
export function instrumentHttp(http: FastifyInstance, service: string): void {
  http.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request);
    if (path.startsWith('/health') || path === '/metrics') {
      done();
      return;
    }
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
    told.set(request, { start: performance.now(), span, errorCode: '', service, isEnded: false });
    // Whoever goes before the answer leaves no onResponse.
    reply.raw.once('close', () => {
      end(request, reply);
    });
    withSpan(span, done);
  });
  // The body comes in by events of the socket, which know nothing of the span.
  http.addHook('preValidation', (request, _reply, done) => {
    inRequest(request, done);
  });
  http.addHook('onResponse', (request, reply, done) => {
    end(request, reply);
    done();
  });
}

/** Counts a request and ends its span, once. */
function end(request: FastifyRequest, reply: FastifyReply): void {
  const known = told.get(request);
  if (!known || known.isEnded) return;
  known.isEnded = true;
  const { span, start, errorCode, service } = known;
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

/** Runs work within the span of a request, also after its end. */
export function inRequest(request: FastifyRequest, work: () => void): void {
  const known = told.get(request);
  if (known) withSpan(known.span, work);
  else work();
}

/** Adds to what is told of a request. */
export function describeRequest(request: FastifyRequest, attributes: () => Attributes): void {
  describeSpan(told.get(request)?.span, attributes);
}

/** A request that failed, with its code; answers the span, where the request has one. */
export function requestFailed(request: FastifyRequest, error: AppError): Span | undefined {
  const known = told.get(request);
  if (!known) return undefined;
  known.errorCode = error.code;
  if (error.kind.level === 'error') countFault(known.service, error.code);
  return known.span;
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
  return request.routeOptions.url ?? 'unknown';
}

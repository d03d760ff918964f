import {
  type Attributes,
  context,
  type Context,
  INVALID_SPAN_CONTEXT,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { AppError } from '@qa-pms/contracts';
import type { Histogram } from 'prom-client';

/** What makes spans. */
interface SpanMaker {
  tracer: Tracer;
  /** A context in which none are made. */
  suppress: (context: Context) => Context;
}

/** Null while nothing is traced: then neither spans nor their attributes nor contexts are made. */
let tracing: SpanMaker | null = null;
/** Stands for a span where nothing is traced; what runs below it is not traced either. */
export const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Makes spans from now on, or no more (null). */
export function traceBy(next: SpanMaker | null): void {
  tracing = next;
}

/** A span below the one that is active, or below `parent`. */
export function startSpan(name: string, kind: SpanKind, attributes: () => Attributes, parent?: Context): Span {
  return tracing ? tracing.tracer.startSpan(name, { kind, attributes: attributes() }, parent) : NO_SPAN;
}

/** Adds to what a span tells, where it is recorded. */
export function describeSpan(span: Span | undefined, attributes: () => Attributes): void {
  if (span?.isRecording()) span.setAttributes(attributes());
}

/** The span that is active, where anything is traced. */
export function activeSpan(): Span | undefined {
  return tracing ? trace.getActiveSpan() : undefined;
}

/** Runs work with a span active: what it starts is below it. The span goes on. */
export function withSpan<T>(span: Span, work: () => T): T {
  if (!tracing) return work();
  const active = span === NO_SPAN ? tracing.suppress(context.active()) : trace.setSpan(context.active(), span);
  return context.with(active, work);
}

/** Runs work within a span, and ends it with what came of that. */
export async function inSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await withSpan(span, work);
  } catch (error) {
    markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed: by the code of an AppError, else by the kind of error; never with its text. */
export function markFailed(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  const type = error instanceof AppError ? error.code : error instanceof Error ? error.name : 'Error';
  span.setAttribute('error.type', type);
  // What a caller did wrong is no failure of ours: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status
  if (!(error instanceof AppError) || error.kind.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Puts the active trace context into the headers of a message. */
export function injectTrace(headers: Record<string, string>): void {
  if (tracing) propagation.inject(context.active(), headers);
}

/** The trace context that a message or a request brings. */
export function parentOf(headers: Record<string, unknown>): Context {
  return tracing ? propagation.extract(ROOT_CONTEXT, headers) : ROOT_CONTEXT;
}

/** Runs work outside of any trace: it serves several. */
export function outsideTraces<T>(work: () => T): T {
  return tracing ? context.with(ROOT_CONTEXT, work) : work();
}

/** Id of the trace of a span that is recorded; null where nobody could look it up. */
export function recordedTraceId(span: Span | undefined): string | null {
  return span?.isRecording() ? span.spanContext().traceId : null;
}

/** Observes a value with the trace that it was seen in: that of a given span, else of the active one. */
export function observe<L extends string>(
  histogram: Histogram<L>,
  labels: Partial<Record<L, string>>,
  value: number,
  span = activeSpan(),
): void {
  const recorded = span?.isRecording() ? span.spanContext() : null;
  const exemplarLabels = recorded && { traceId: recorded.traceId, spanId: recorded.spanId };
  // prom-client's types want the labels of the metric in the exemplar, which has its own.
  histogram.observe({ labels, value, ...(exemplarLabels && { exemplarLabels }) } as never);
}

/** What a message is about, of the fields that its payload has. */
export function subjectOf(payload: object): Record<string, string> {
  const { ticketKey, workflowId } = payload as { ticketKey?: unknown; workflowId?: unknown };
  return {
    ...(typeof ticketKey === 'string' && { 'qa.ticket_key': ticketKey }),
    ...(typeof workflowId === 'string' && { 'qa.workflow_id': workflowId }),
  };
}

export { SpanKind };

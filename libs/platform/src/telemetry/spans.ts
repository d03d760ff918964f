import {
  type Attributes,
  context,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AppError } from '@qa-pms/contracts';
import type { Histogram } from 'prom-client';

// Without an SDK (no otel.exporter.otlp.endpoint) all of this does next to nothing.

/** A span below the one that is active, or below `parent`. */
export function startSpan(name: string, kind: SpanKind, attributes: Attributes, parent?: Context): Span {
  return trace.getTracer('@qa-pms/platform').startSpan(name, { kind, attributes }, parent);
}

/** Runs work with a span active: what it starts is below it. The span goes on. */
export function withSpan<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
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
  propagation.inject(context.active(), headers);
}

/** The trace context that a message or a request brings. */
export function parentOf(headers: Record<string, unknown>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Runs work outside of any trace: it serves several. */
export function outsideTraces<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
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
  span = trace.getActiveSpan(),
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

import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode, suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SamplingResult,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { created, dropped, duration, failed } from './span-metrics.js';
import { observe, traceBy } from './spans.js';
import type { TelemetrySettings } from './telemetry.settings.js';
import type { TracedProcess, Tracing } from './tracing.js';

/** Spans that wait for the collector: about 4 MB. More are dropped, and counted. */
const MAX_WAITING = 4_096;
const BATCH = 512;
const DELAY_MS = 1_000;
/** A collector that hangs holds up neither the next batch nor the exit for longer. */
const EXPORT_TIMEOUT_MS = 1_500;
const STOP_TIMEOUT_MS = 2_000;
/** How long a collector that took no spans is said to be at fault, where none were sent since. */
const FAULT_MS = 60_000;

const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'];

/** Bounds and counts what waits for the exporter. */
class Counted implements SpanProcessor {
  /** Why the collector did not take the last spans, and when, of performance.now(); null: it did. */
  private fault: { reason: string; at: number } | null = null;
  private waiting = 0;
  private readonly batches: BatchSpanProcessor;

  constructor(
    private readonly service: string,
    exporter: SpanExporter,
  ) {
    const counting: SpanExporter = {
      export: (spans, done) => {
        exporter.export(spans, (result) => {
          this.waiting -= spans.length;
          const isTaken = result.code === ExportResultCode.SUCCESS;
          const reason = result.error?.message ?? 'it did not take the last spans';
          this.fault = isTaken ? null : { reason, at: performance.now() };
          if (!isTaken) failed.inc({ service }, spans.length);
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
    };
    this.batches = new BatchSpanProcessor({
      exporter: counting,
      // Larger than what is let through here, where drops are counted.
      maxQueueSize: 2 * MAX_WAITING,
      maxExportBatchSize: BATCH,
      scheduledDelayMillis: DELAY_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    });
  }

  /** Throws while the collector takes no spans. Without any to send it is not known for long. */
  check(): string {
    if (this.fault !== null && performance.now() - this.fault.at < FAULT_MS) throw new Error(this.fault.reason);
    return 'spans are taken';
  }

  onStart(): void {
    created.inc({ service: this.service });
  }

  onEnd(span: ReadableSpan): void {
    const { service } = this;
    const seconds = span.duration[0] + span.duration[1] / 1e9;
    observe(duration, { service, kind: KINDS[span.kind] ?? 'internal' }, seconds);
    if (this.waiting >= MAX_WAITING) {
      dropped.inc({ service });
      return;
    }
    this.waiting += 1;
    this.batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.batches.shutdown();
  }
}

/** Samples by the ratio of the settings, which a reload may change. */
export class SettingsSampler implements Sampler {
  private ratio = NaN;
  private sampler = new TraceIdRatioBasedSampler();

  constructor(private readonly settings: Pick<TelemetrySettings, 'sampleRatio'>) {}

  shouldSample(...[context, traceId]: Parameters<TraceIdRatioBasedSampler['shouldSample']>): SamplingResult {
    const { sampleRatio } = this.settings;
    if (sampleRatio !== this.ratio) this.sampler = new TraceIdRatioBasedSampler(sampleRatio);
    this.ratio = sampleRatio;
    return this.sampler.shouldSample(context, traceId);
  }

  toString(): string {
    return 'SettingsSampler';
  }
}

/** Makes and sends spans from now on. */
export async function startSdk(settings: TelemetrySettings, process: TracedProcess): Promise<Tracing> {
  const spans = new Counted(process.service, await exporterFor(settings));
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new SettingsSampler(settings) }),
    resource: resourceFromAttributes({
      'service.name': process.service === 'all' ? 'qa-pms' : `qa-pms-${process.service}`,
      'service.version': process.version,
      'service.instance.id': process.instanceId,
    }),
    spanProcessors: [spans],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  traceBy({ tracer: provider.getTracer('@qa-pms/platform'), suppress: suppressTracing });
  return {
    check: () => spans.check(),
    stop: async () => {
      const late = new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      traceBy(null);
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

/** Loaded only where it is needed: each costs a start some 50 ms. */
async function exporterFor({ endpoint, protocol }: TelemetrySettings): Promise<SpanExporter> {
  const timeoutMillis = EXPORT_TIMEOUT_MS;
  if (protocol === 'grpc') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
    return new OTLPTraceExporter({ url: endpoint, timeoutMillis });
  }
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  // OTLP/HTTP sends traces to /v1/traces below the endpoint: https://opentelemetry.io/docs/specs/otel/protocol/exporter
  return new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces`, timeoutMillis });
}

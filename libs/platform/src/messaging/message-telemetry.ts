import type { Span } from '@opentelemetry/api';
import type { MessageContract, ServiceName } from '@qa-pms/contracts';
import { counter, histogram, PART_BUCKETS, secondsSince } from '../telemetry/metrics.js';
import {
  describeSpan,
  injectTrace,
  inSpan,
  NO_SPAN,
  observe,
  parentOf,
  SpanKind,
  startSpan,
  withSpan,
} from '../telemetry/spans.js';
import type { EventEnvelope, Headers } from './envelope.js';

const handled = counter('messages_handled_total', 'Messages that were handled, with what came of them.', [
  'topic',
  'message',
  'consumer',
  'outcome',
]);
const failed = counter('messages_failed_total', 'Tries to handle a message that failed.', [
  'topic',
  'message',
  'consumer',
  'outcome',
]);
const durations = histogram('message_handling_duration_seconds', 'From taking a message to having handled it.', {
  labels: ['topic', 'message', 'consumer', 'outcome'],
  buckets: PART_BUCKETS,
});
const lag = histogram('message_lag_seconds', 'From the commit of an event to its consumer.', {
  labels: ['topic', 'consumer'],
});
const published = counter('messages_published_total', 'Events that every consumer, or the broker, has taken.', [
  'topic',
  'message',
  'outcome',
]);

/** Outcomes that are no failure of the handler. */
const GOOD = new Set(['ok', 'expired', 'unknown']);

/** A message that is being handled: its span, and what came of it. */
export class Handling {
  /** `ok`, the code of the error that was answered, or what became of an event. */
  outcome = 'ok';
  private readonly start = performance.now();

  private constructor(
    private readonly labels: { service: string; topic: string; message: string; consumer: string },
    private readonly span: Span,
  ) {}

  /** `contract` is null where nobody knows the message. */
  static ofRequest(service: ServiceName, contract: MessageContract | null, headers: Headers): Handling {
    const message = headers['name'] ?? '';
    const topic = topicOf(service, contract?.kind === 'command' ? 'commands' : 'queries');
    // Names come from outside: those that nobody knows share one label.
    const labels = { service, topic, message: contract === null ? 'unknown' : message, consumer: service };
    if (contract?.isRoutine === true) return new Handling(labels, NO_SPAN);
    // https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
    const attributes = () => ({
      'rpc.system.name': 'qa-pms',
      'rpc.method': `${service}/${message}`,
      ...common(service, headers),
    });
    return new Handling(labels, startSpan(`${service}/${message}`, SpanKind.SERVER, attributes, parentOf(headers)));
  }

  static ofEvent(service: ServiceName, source: string, headers: Headers): Handling {
    const topic = topicOf(source, 'events');
    const labels = { service, topic, message: headers['name'] ?? '', consumer: service };
    const committed = Number(headers['at']);
    if (committed > 0) observe(lag, { service, topic, consumer: service }, Math.max(0, Date.now() - committed) / 1_000);
    // https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
    const attributes = () => ({ ...messaging('process', topic, headers), ...common(service, headers) });
    return new Handling(labels, startSpan(`process ${topic}`, SpanKind.CONSUMER, attributes, parentOf(headers)));
  }

  /** Says what the message is about. */
  describe(attributes: () => Record<string, string>): void {
    describeSpan(this.span, attributes);
  }

  /** Counts it as handled with another, whose span holds what was done. */
  doneWith(other: Handling): Promise<void> {
    this.span.addLink({ context: other.span.spanContext() });
    return this.run(() => Promise.resolve());
  }

  /** A try that failed, and for what. */
  failed(outcome: string): void {
    failed.inc({ ...this.labels, outcome });
  }

  /** Handles the message within its span, and counts it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withSpan(this.span, work);
    } catch (error) {
      this.outcome = 'left';
      throw error;
    } finally {
      const labels = { ...this.labels, outcome: this.outcome };
      handled.inc(labels);
      observe(durations, labels, secondsSince(this.start), this.span);
      if (!GOOD.has(this.outcome)) this.span.setAttribute('error.type', this.outcome);
      this.span.end();
    }
  }
}

/**
 * Sends events, each within a span below the one that its outbox row remembers; consumers go on below that.
 * `send` answers a promise for each event, in their order.
 */
export function publishing(
  service: string,
  events: EventEnvelope[],
  send: (events: EventEnvelope[]) => Promise<void>[],
): Promise<void>[] {
  const spans = events.map((event) => {
    const topic = event.topic.slice(event.topic.indexOf('qa.'));
    const attributes = () => ({ ...messaging('send', topic, event.headers), ...common(service, event.headers) });
    return startSpan(`send ${topic}`, SpanKind.PRODUCER, attributes, parentOf(event.headers));
  });
  const traced = events.map((event, index) => {
    const headers = { ...event.headers };
    withSpan(spans[index]!, () => {
      injectTrace(headers);
    });
    return { ...event, headers };
  });
  return send(traced).map((sent, index) => {
    const { topic, headers } = events[index]!;
    const labels = { service, topic: topic.slice(topic.indexOf('qa.')), message: headers['name'] ?? '' };
    sent.then(
      () => {
        published.inc({ ...labels, outcome: 'ok' });
      },
      () => {
        published.inc({ ...labels, outcome: 'failed' });
      },
    );
    return inSpan(spans[index]!, () => sent);
  });
}

/** Topics without their prefix: it is the same for all of an installation. */
function topicOf(service: string, kind: string): string {
  return `qa.${service}.${kind}`;
}

function messaging(operation: 'send' | 'process', topic: string, headers: Headers): Record<string, string> {
  return {
    'messaging.system': 'qa-pms',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': topic,
    'messaging.message.id': headers['id'] ?? '',
    'qa.message': headers['name'] ?? '',
  };
}

/** Ids only: no names, no addresses. */
function common(service: string, headers: Headers): Record<string, string> {
  return {
    'qa.service': service,
    'qa.request_id': headers['request-id'] ?? '',
    ...(headers['user'] !== undefined && { 'user.id': headers['user'] }),
    ...(headers['project'] !== undefined && { 'qa.project_id': headers['project'] }),
  };
}

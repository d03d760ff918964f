import type { MessageKind, ServiceName } from '@qa-pms/contracts';
import type { Envelope, EventEnvelope, ReplyEnvelope } from './envelope.js';

/** What a service does with what comes in. */
export interface Inbound {
  service: ServiceName;
  /** What it is asked for; the gateway for nothing. */
  requestTopics: ('queries' | 'commands')[];
  /** Services whose events it handles. */
  eventSources: ServiceName[];
  /** Answers a request; null: it had expired and nobody waits. */
  request: (envelope: Envelope) => Promise<ReplyEnvelope | null>;
  /** Handles an event. Resolved: done, parked or replayed elsewhere; it never rejects but when the service stops. */
  event: (envelope: EventEnvelope) => Promise<void>;
}

/** A service that takes messages. */
export interface Serving {
  /** Null when messages arrive; else what is missing. */
  notReady: () => string | null;
  /** Takes no further message; resolved when those in hand are done. */
  drain: () => Promise<void>;
}

/** A way for messages to travel. Everything that both ways share stands in MessageServer and MessageBus. */
export interface Wire {
  /** Sends a request and waits for its answer. The bus ends it at its deadline. */
  request: (target: ServiceName, kind: MessageKind, envelope: Envelope) => Promise<ReplyEnvelope>;
  /** Takes messages for a service. */
  serve: (inbound: Inbound) => Promise<Serving>;
  /** Whether a later publish keeps its place behind an earlier one of the same key that is still on its way. */
  readonly publishesInOrder: boolean;
  /** Publishes events of a service in their order; each promise is resolved when its event cannot be lost any more. */
  publish: (events: EventEnvelope[]) => Promise<void>[];
  /** Null when requests can be sent; else what is missing. */
  notReady: () => string | null;
  close: () => Promise<void>;
}

import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { AppError, type MessageClass, type ServiceName } from '@qa-pms/contracts';
import { isObservable, lastValueFrom } from 'rxjs';
import { type MessageContext, runInContext } from '../context.js';
import { toAppError } from '../faults.js';
import type { Log } from '../log.js';
import { countFault } from '../telemetry/http-telemetry.js';
import { subjectOf } from '../telemetry/spans.js';
import { validatePayload } from '../validation.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { Envelope, EventEnvelope, ReplyEnvelope } from './envelope.js';
import { contextOfEvent, contextOfRequest, fromWire, toWire } from './envelope.js';
import { type Entry, EventHandling, sourceOf } from './event-handling.js';
import { Lanes } from './lanes.js';
import { Handling } from './message-telemetry.js';
import { type Begun, type MessageInHand, MessagesInHand } from './messages-in-hand.js';
import type { Serving, Wire } from './wire.js';

/** Handlers of requests that run at once in one service. */
const CONCURRENT_REQUESTS = 500;

/**
 * Takes messages for one service, the same over every wire: signature, deadline, permission and payload are checked,
 * the context is restored, the handler is called; events are retried, and parked when they cannot be handled.
 */
export class MessageServer extends Server implements CustomTransportStrategy {
  private readonly entries = new Map<string, Entry>();
  private readonly requests = new Lanes(CONCURRENT_REQUESTS);
  private readonly events: EventHandling;
  private readonly inHand: MessagesInHand;
  private isStopping = false;
  private serving: Serving | null = null;

  constructor(
    private readonly service: ServiceName,
    private readonly wire: Wire,
    log: Log,
    deadLetters: () => DeadLetterStore | null,
  ) {
    super();
    this.inHand = new MessagesInHand(log);
    const entryOf = (event: EventEnvelope): Entry | undefined => this.entryOf(event);
    this.events = new EventHandling({ service, entryOf, inHand: this.inHand, log, deadLetters });
  }

  /** Names of the services whose events are handled here. */
  get eventSources(): ServiceName[] {
    const events = [...this.entries.values()].filter(({ message }) => message.contract.kind === 'event');
    return [...new Set(events.map(({ message }) => message.contract.service))];
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [pattern, handler] of this.messageHandlers) this.entries.set(pattern, toEntry(handler));
    const kinds = new Set([...this.entries.values()].map(({ message }) => message.contract.kind));
    this.wire
      .serve({
        service: this.service,
        requestTopics: [
          ...(kinds.has('query') ? ['queries' as const] : []),
          ...(kinds.has('command') ? ['commands' as const] : []),
        ],
        eventSources: this.eventSources,
        request: (envelope) => this.handleEnvelope(envelope),
        event: (event) => this.events.take(event),
      })
      .then((serving) => {
        this.serving = serving;
        callback();
      }, callback);
  }

  /** Null when messages arrive; else what is missing. */
  notReady(): string | null {
    return this.serving ? this.serving.notReady() : 'not yet listening';
  }

  /** Takes no further message; those in hand are finished, events that wait for a retry are left to the next start. */
  async close(): Promise<void> {
    this.isStopping = true;
    this.events.stop();
    await this.serving?.drain();
    await Promise.all([this.requests.drained(), this.events.drained()]);
  }

  /** What is being handled. */
  list(): MessageInHand[] {
    return this.inHand.list();
  }

  /** Handles a dead letter again, once. Throws what its handler throws, and SHUTTING_DOWN. */
  async replay(event: EventEnvelope): Promise<void> {
    if (this.isStopping) throw new AppError('SHUTTING_DOWN');
    const entry = this.entryOf(event);
    if (entry) await runInContext(contextOfEvent(event), () => this.events.handle(entry, event));
  }

  on(): void {
    throw new Error('This transport has no events of its own.');
  }

  unwrap<T>(): T {
    return this.wire as T;
  }

  private handleEnvelope(envelope: Envelope): Promise<ReplyEnvelope | null> {
    const entry = this.entries.get(`${this.service}.${String(envelope.headers['name'])}`);
    const handling = Handling.ofRequest(this.service, entry?.message.contract ?? null, envelope.headers);
    return handling.run(async () => {
      try {
        const context = contextOfRequest(envelope);
        if (!entry) throw new AppError('MESSAGE_NOT_FOUND', { message: envelope.headers['name'] });
        return await this.requests.run(envelope.key, () =>
          runInContext(context, () => this.answer(entry, envelope, { context, handling })),
        );
      } catch (error) {
        return this.refuse(error, this.inHand.begin(envelope), handling);
      }
    });
  }

  private async answer(
    entry: Entry,
    envelope: Envelope,
    { context, handling }: { context: MessageContext & { deadline: number }; handling: Handling },
  ): Promise<ReplyEnvelope | null> {
    const begun = this.inHand.begin(envelope);
    try {
      // Whoever asked has given up: work done now would only delay the others.
      if (Date.now() > context.deadline) {
        handling.outcome = 'expired';
        this.inHand.ended(begun, 'expired');
        return null;
      }
      const { contract } = entry.message;
      const { system, permissions } = context.caller;
      if (contract.permission !== null && !system && !permissions.includes(contract.permission))
        throw new AppError('FORBIDDEN', { permission: contract.permission });
      const payload: unknown = JSON.parse(fromWire(contract, 'payload', envelope.body));
      validatePayload(entry.message, payload);
      handling.describe(() => subjectOf(payload as object));
      const body = toWire(contract, 'reply', JSON.stringify((await entry.call(payload)) ?? {}));
      this.inHand.ended(begun, 'ok', { level: contract.isRoutine === true ? 'debug' : 'info' });
      return { ok: true, body };
    } catch (error) {
      return this.refuse(error, begun, handling);
    }
  }

  private refuse(error: unknown, begun: Begun, handling: Handling): ReplyEnvelope {
    const refusal = toAppError(error);
    handling.outcome = refusal.code;
    handling.failed(refusal.code);
    if (refusal.kind.level === 'error') countFault(this.service, refusal.code);
    this.inHand.ended(begun, refusal.code, { level: refusal.kind.level, err: error });
    return { ok: false, body: JSON.stringify({ code: refusal.code, details: refusal.details }) };
  }

  private entryOf({ topic, headers }: EventEnvelope): Entry | undefined {
    return this.entries.get(`${sourceOf(topic)}.${String(headers['name'])}`);
  }
}

function toEntry(handler: MessageHandler): Entry {
  const { message, isTogether } = handler.extras as { message: MessageClass; isTogether: boolean };
  return {
    message,
    isTogether,
    call: async (payload) => {
      const result: unknown = await handler(payload);
      return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
    },
  };
}

import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { AppError, type LogLevel, type MessageClass, type ServiceName } from '@qa-pms/contracts';
import { isObservable, lastValueFrom } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessageContext, runInContext } from '../context.js';
import { infrastructureFault, toAppError } from '../faults.js';
import type { Log } from '../log.js';
import { countFault } from '../telemetry/http-telemetry.js';
import { subjectOf } from '../telemetry/spans.js';
import { validatePayload, validateReceived } from '../validation.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { Envelope, EventEnvelope, ReplyEnvelope } from './envelope.js';
import { contextOfEvent, contextOfRequest, fromWire, toWire } from './envelope.js';
import { Lanes } from './lanes.js';
import { Handling } from './message-telemetry.js';
import type { Serving, Wire } from './wire.js';

/** Handlers of requests that run at once in one service. */
const CONCURRENT_REQUESTS = 500;
/** Events of different keys that are handled at once in one service. */
const CONCURRENT_EVENTS = 50;
/** Pauses before an event that its handler refused is tried again: NFR-REL-03. */
const RETRY_MS = [1_000, 2_000, 4_000];
/** A message that is being handled, for whoever asks why a stop takes long. */
export interface MessageInHand {
  message: string;
  requestId: string;
  runningMs: number;
}

/** Longest pause while the infrastructure is down; short enough to recover within 5 s. */
const OUTAGE_PAUSE_MS = 1_000;

interface Entry {
  message: MessageClass;
  call: (payload: unknown) => Promise<unknown>;
}

/**
 * Takes messages for one service, the same over every wire: signature, deadline, permission and payload are checked,
 * the context is restored, the handler is called; events are retried, and parked when they cannot be handled.
 */
export class MessageServer extends Server implements CustomTransportStrategy {
  private readonly entries = new Map<string, Entry>();
  private readonly requests = new Lanes(CONCURRENT_REQUESTS);
  private readonly events = new Lanes(CONCURRENT_EVENTS);
  private readonly stopping = new AbortController();
  private readonly inHand = new Map<Envelope, number>();
  private serving: Serving | null = null;

  constructor(
    private readonly service: ServiceName,
    private readonly wire: Wire,
    private readonly log: Log,
    private readonly deadLetters: () => DeadLetterStore | null,
  ) {
    super();
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
        event: (event) => this.events.run(event.key, () => this.deliver(event)),
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
    this.stopping.abort();
    await this.serving?.drain();
    await Promise.all([this.requests.drained(), this.events.drained()]);
  }

  /** What is being handled. */
  list(): MessageInHand[] {
    return [...this.inHand].map(([{ headers }, startedAt]) => ({
      message: headers['name'] ?? '',
      requestId: headers['request-id'] ?? '',
      runningMs: Math.round(performance.now() - startedAt),
    }));
  }

  /** Handles a dead letter again, once. Throws what its handler throws, and SHUTTING_DOWN. */
  async replay(event: EventEnvelope): Promise<void> {
    if (this.stopping.signal.aborted) throw new AppError('SHUTTING_DOWN');
    const entry = this.entryOf(event);
    if (entry) await runInContext(contextOfEvent(event), () => this.handle(entry, event));
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
        return this.refuse(error, envelope, performance.now(), handling);
      }
    });
  }

  private async answer(
    entry: Entry,
    envelope: Envelope,
    { context, handling }: { context: MessageContext & { deadline: number }; handling: Handling },
  ): Promise<ReplyEnvelope | null> {
    const startedAt = this.begin(envelope);
    try {
      // Whoever asked has given up: work done now would only delay the others.
      if (Date.now() > context.deadline) {
        handling.outcome = 'expired';
        this.ended(envelope, startedAt, 'expired');
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
      this.ended(envelope, startedAt, 'ok', { level: contract.isRoutine === true ? 'debug' : 'info' });
      return { ok: true, body };
    } catch (error) {
      return this.refuse(error, envelope, startedAt, handling);
    }
  }

  private refuse(error: unknown, envelope: Envelope, startedAt: number, handling: Handling): ReplyEnvelope {
    const refusal = toAppError(error);
    handling.outcome = refusal.code;
    handling.failed(refusal.code);
    if (refusal.kind.level === 'error') countFault(this.service, refusal.code);
    this.ended(envelope, startedAt, refusal.code, { level: refusal.kind.level, err: error });
    return { ok: false, body: JSON.stringify({ code: refusal.code, details: refusal.details }) };
  }

  private begin(envelope: Envelope): number {
    const startedAt = performance.now();
    this.inHand.set(envelope, startedAt);
    return startedAt;
  }

  /** One line a message: 6 µs (tests/bench/log.js), 1 % of what a request costs. */
  private ended(
    envelope: Envelope,
    startedAt: number,
    outcome: string,
    { level = 'info', err }: { level?: LogLevel; err?: unknown } = {},
  ): void {
    this.inHand.delete(envelope);
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    const facts = { message: envelope.headers['name'], outcome, durationMs };
    if (level === 'error' || level === 'warn') this.log[level]({ ...facts, err }, 'message');
    else this.log[level](facts, 'message');
  }

  private async deliver(event: EventEnvelope): Promise<void> {
    const entry = this.entryOf(event);
    if (!entry) return;
    const handling = Handling.ofEvent(this.service, sourceOf(event.topic), event.headers);
    const startedAt = this.begin(event);
    try {
      await handling.run(() =>
        runInContext(contextOfEvent(event), async () => {
          handling.outcome = await this.tryToHandle(entry, event, handling);
          this.ended(event, startedAt, handling.outcome);
        }),
      );
    } finally {
      this.inHand.delete(event);
    }
  }

  /** How it ended: `ok`, or `dead letter`. Rejects only when the service stops. */
  private async tryToHandle(entry: Entry, event: EventEnvelope, handling: Handling): Promise<string> {
    let refusals = 0;
    let outages = 0;
    for (;;) {
      try {
        return (await this.attempt(entry, event, handling)) ? 'ok' : 'dead letter';
      } catch (error) {
        this.stopping.signal.throwIfAborted();
        const outage = infrastructureFault(error);
        handling.failed(outage?.code ?? 'fault');
        if (outage) {
          // Not the message's fault: it waits until the outage is over.
          if (outages === 0)
            this.log.warn({ message: event.headers['name'], err: outage }, 'event waits for the infrastructure');
          outages += 1;
          await this.pause(Math.min(OUTAGE_PAUSE_MS, 100 * outages));
          continue;
        }
        const delay = RETRY_MS[refusals];
        refusals += 1;
        if (delay !== undefined) {
          await this.pause(delay);
          continue;
        }
        this.log.error(
          { message: event.headers['name'], key: event.key, err: error },
          'event moved to the dead letters',
        );
        await this.park(event, error instanceof Error ? error : new Error(String(error)));
        return 'dead letter';
      }
    }
  }

  private entryOf({ topic, headers }: EventEnvelope): Entry | undefined {
    return this.entries.get(`${sourceOf(topic)}.${String(headers['name'])}`);
  }

  /** False where it has followed others of its key to the dead letters. */
  private async attempt(entry: Entry, event: EventEnvelope, handling: Handling): Promise<boolean> {
    if (await this.deadLetters()?.follow(event)) return false;
    await this.handle(entry, event, handling);
    return true;
  }

  private async handle(entry: Entry, event: EventEnvelope, handling?: Handling): Promise<void> {
    const payload: unknown = JSON.parse(event.body);
    validateReceived(entry.message, payload);
    handling?.describe(() => subjectOf(payload as object));
    await entry.call(payload);
  }

  private async park(event: EventEnvelope, error: Error): Promise<void> {
    const store = this.deadLetters();
    if (!store) return;
    for (;;) {
      try {
        await store.park(event, error);
        return;
      } catch (failure) {
        this.stopping.signal.throwIfAborted();
        this.log.warn({ err: failure }, 'dead letter waits for the infrastructure');
        await this.pause(OUTAGE_PAUSE_MS);
      }
    }
  }

  private pause(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { signal: this.stopping.signal });
  }
}

function toEntry(handler: MessageHandler): Entry {
  const { message } = handler.extras as { message: MessageClass };
  return {
    message,
    call: async (payload) => {
      const result: unknown = await handler(payload);
      return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
    },
  };
}

/** The service that a topic of events belongs to: `qa.workflow.events`, with or without a prefix. */
export function sourceOf(topic: string): string {
  return /qa\.([a-z]+)\.events$/.exec(topic)?.[1] ?? '';
}

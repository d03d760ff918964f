import { AppError, type MessageClass, type ServiceName } from '@qa-pms/contracts';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInContext } from '../context.js';
import { infrastructureFault } from '../faults.js';
import type { Log } from '../log.js';
import { subjectOf } from '../telemetry/spans.js';
import { validateReceived } from '../validation.js';
import type { DeadLetterStore } from './dead-letters.js';
import { contextOfEvent, type EventEnvelope } from './envelope.js';
import { Lanes } from './lanes.js';
import { Handling } from './message-telemetry.js';
import type { MessagesInHand } from './messages-in-hand.js';

/** Events of different keys that are handled at once in one service. */
const CONCURRENT_EVENTS = 50;
/**
 * Calls at once of a handler that takes several. Those that wait for their turn take with them what comes meanwhile. In a
 * load that fills the processors (`npm run load spike`, shortened) tracking was 2.1 s behind on average with 8, 0.7 s with 20.
 */
const CONCURRENT_TOGETHER = 20;
/** Events of one key that are handled by one call at most: they share a transaction. */
const MOST_TOGETHER = 20;
/** Pauses before an event that its handler refused is tried again: NFR-REL-03. */
const RETRY_MS = [1_000, 2_000, 4_000];
/** Longest pause while the infrastructure is down; short enough to recover within 5 s. */
const OUTAGE_PAUSE_MS = 1_000;

/** A message and what handles it. */
export interface Entry {
  message: MessageClass;
  /** Whether the handler takes a list of events of one key. */
  isTogether: boolean;
  call: (payload: unknown) => Promise<unknown>;
}

/** An event in the line of its key. */
interface Waiting {
  event: EventEnvelope;
  entry: Entry | undefined;
  isHandled: boolean;
  /** Together with others it has failed. */
  isAlone: boolean;
}

interface EventHandlingOptions {
  service: ServiceName;
  entryOf: (event: EventEnvelope) => Entry | undefined;
  inHand: MessagesInHand;
  log: Log;
  deadLetters: () => DeadLetterStore | null;
}

/**
 * Handles the events of one service: those of a key in their order, retried, and parked when they cannot be handled.
 * Where a handler takes lists, it gets what has come of the key meanwhile in one call: whoever falls behind catches up.
 */
export class EventHandling {
  private readonly lanes = new Lanes(CONCURRENT_EVENTS);
  private readonly together = new Lanes(CONCURRENT_TOGETHER);
  private readonly lines = new Map<string | null, Waiting[]>();
  private readonly stopping = new AbortController();
  /** With an event that a stop has left to the next start: what came after it must not overtake it. */
  private readonly leftKeys = new Set<string | null>();

  constructor(private readonly options: EventHandlingOptions) {}

  /** Resolved when the event is handled or parked. Rejects only when the service stops. */
  async take(event: EventEnvelope): Promise<void> {
    const waiting = { event, entry: this.options.entryOf(event), isHandled: false, isAlone: false };
    const line = this.lines.get(event.key) ?? [];
    line.push(waiting);
    this.lines.set(event.key, line);
    try {
      await this.lanes.run(event.key, () => this.deliver(waiting));
    } catch (error) {
      if (event.key !== null) this.leftKeys.add(event.key);
      throw error;
    } finally {
      line.splice(line.indexOf(waiting), 1);
      if (line.length === 0) this.lines.delete(event.key);
    }
  }

  /** Takes no retry any more: what waits for one is left to the next start. */
  stop(): void {
    this.stopping.abort();
  }

  drained(): Promise<void> {
    return this.lanes.drained();
  }

  /** Handles an event once. Throws what its handler throws. */
  async handle(entry: Entry, event: EventEnvelope, handling?: Handling): Promise<void> {
    const payload = payloadOf(entry, event);
    handling?.describe(() => subjectOf(payload));
    await entry.call(entry.isTogether ? [payload] : payload);
  }

  private async deliver(waiting: Waiting): Promise<void> {
    const { event, entry } = waiting;
    if (!entry || waiting.isHandled) return;
    if (this.leftKeys.has(event.key)) throw new AppError('SHUTTING_DOWN');
    if (entry.isTogether && !waiting.isAlone) {
      const handle = () => this.handleTogether(entry, [waiting, ...this.behind(waiting, entry)]);
      if (await this.together.run(null, handle)) return;
    }
    const { inHand } = this.options;
    const handling = this.handlingOf(event);
    const begun = inHand.begin(event);
    try {
      await handling.run(() =>
        runInContext(contextOfEvent(event), async () => {
          handling.outcome = await this.tryToHandle(entry, event, handling);
          inHand.ended(begun, handling.outcome);
        }),
      );
    } finally {
      inHand.leave(begun);
    }
  }

  /** What stands right behind it in the line and can be handled with it. */
  private behind(waiting: Waiting, entry: Entry): Waiting[] {
    const { key } = waiting.event;
    // Without a key nothing waits behind another.
    const line = (key === null ? undefined : this.lines.get(key)) ?? [waiting];
    const rest = line.slice(line.indexOf(waiting) + 1);
    const end = rest.findIndex((one) => one.entry !== entry || one.isAlone);
    return rest.slice(0, end === -1 ? MOST_TOGETHER - 1 : Math.min(end, MOST_TOGETHER - 1));
  }

  /**
   * All in one call, in the context and the trace of the last one; false where that failed, and then nothing is done:
   * each is handled by itself.
   */
  private async handleTogether(entry: Entry, all: Waiting[]): Promise<boolean> {
    const events = all.map(({ event }) => event);
    const last = events.at(-1)!;
    const { inHand } = this.options;
    const begun = events.map((event) => inHand.begin(event));
    try {
      const handling = await this.callTogether(entry, events, last);
      for (const [index, waiting] of all.entries()) {
        waiting.isHandled = true;
        const { event } = waiting;
        if (event !== last) await this.handlingOf(event).doneWith(handling);
        runInContext(contextOfEvent(event), () => {
          inHand.ended(begun[index]!, 'ok');
        });
      }
      return true;
    } catch (error) {
      this.options.log.debug({ events: events.length, err: error }, 'events are handled each by itself');
      for (const waiting of all) waiting.isAlone = true;
      for (const one of begun) inHand.leave(one);
      return false;
    }
  }

  private async callTogether(entry: Entry, events: EventEnvelope[], last: EventEnvelope): Promise<Handling> {
    if (await this.options.deadLetters()?.isParked(last)) throw new Error('Each follows the dead letter of its key.');
    const payloads = events.map((event) => payloadOf(entry, event));
    const otherMessageIds = events.slice(0, -1).map(({ headers }) => headers['id'] ?? '');
    const context = { ...contextOfEvent(last), ...(otherMessageIds.length > 0 && { otherMessageIds }) };
    const handling = this.handlingOf(last);
    handling.describe(() => subjectOf(payloads[0]!));
    await handling.run(() => runInContext(context, () => entry.call(payloads)));
    return handling;
  }

  private handlingOf({ topic, headers }: EventEnvelope): Handling {
    return Handling.ofEvent(this.options.service, sourceOf(topic), headers);
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
            this.options.log.warn(
              { message: event.headers['name'], err: outage },
              'event waits for the infrastructure',
            );
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
        this.options.log.error(
          { message: event.headers['name'], key: event.key, err: error },
          'event moved to the dead letters',
        );
        await this.park(event, error instanceof Error ? error : new Error(String(error)));
        return 'dead letter';
      }
    }
  }

  /** False where it has followed others of its key to the dead letters. */
  private async attempt(entry: Entry, event: EventEnvelope, handling: Handling): Promise<boolean> {
    if (await this.options.deadLetters()?.follow(event)) return false;
    await this.handle(entry, event, handling);
    return true;
  }

  private async park(event: EventEnvelope, error: Error): Promise<void> {
    const store = this.options.deadLetters();
    if (!store) return;
    for (;;) {
      try {
        await store.park(event, error);
        return;
      } catch (failure) {
        this.stopping.signal.throwIfAborted();
        this.options.log.warn({ err: failure }, 'dead letter waits for the infrastructure');
        await this.pause(OUTAGE_PAUSE_MS);
      }
    }
  }

  private pause(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { signal: this.stopping.signal });
  }
}

/** Throws where the payload breaks its contract. */
function payloadOf({ message }: Entry, { body }: EventEnvelope): object {
  const payload: unknown = JSON.parse(body);
  validateReceived(message, payload);
  return payload as object;
}

/** The service that a topic of events belongs to: `qa.workflow.events`, with or without a prefix. */
export function sourceOf(topic: string): string {
  return /qa\.([a-z]+)\.events$/.exec(topic)?.[1] ?? '';
}

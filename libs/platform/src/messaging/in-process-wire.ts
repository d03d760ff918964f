import { AppError, type MessageKind, type ServiceName } from '@qa-pms/contracts';
import type { Envelope, EventEnvelope, ReplyEnvelope } from './envelope.js';
import { sourceOf } from './event-handling.js';
import type { Inbound, Serving, Wire } from './wire.js';

/** Messages between services of one process. Events are durable in the sender's outbox until every consumer has them. */
export class InProcessWire implements Wire {
  readonly publishesInOrder = true;
  /** Services stay known when they stop: their events then wait in the sender's outbox. */
  private readonly services = new Map<ServiceName, { inbound: Inbound; stopped: boolean }>();
  private readonly delivering = new Map<string, Promise<void>>();
  private left = false;
  private open!: () => void;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  /** Called once every service of the process takes messages: an event published earlier would miss some of them. */
  allServing(): void {
    this.open();
  }

  /** No event is delivered here: each waits in its sender's outbox for a process that has all the consumers. */
  leaveEvents(): void {
    this.left = true;
    this.open();
  }

  async request(target: ServiceName, _kind: MessageKind, envelope: Envelope): Promise<ReplyEnvelope> {
    const service = this.services.get(target);
    if (!service || service.stopped) throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: target });
    const reply = await service.inbound.request(envelope);
    // An expired request is not answered, as over Kafka: the bus ends it.
    return reply ?? new Promise<never>(() => undefined);
  }

  serve(inbound: Inbound): Promise<Serving> {
    const entry = { inbound, stopped: false };
    this.services.set(inbound.service, entry);
    return Promise.resolve({
      notReady: () => (entry.stopped ? 'stopped' : null),
      drain: () => {
        entry.stopped = true;
        return Promise.resolve();
      },
    });
  }

  publish(events: EventEnvelope[]): Promise<void>[] {
    return events.map((event) => {
      const id = `${event.topic} ${event.headers['id'] ?? ''}`;
      const known = this.delivering.get(id);
      if (known) return known;
      const delivery = this.deliver(event).finally(() => this.delivering.delete(id));
      this.delivering.set(id, delivery);
      return delivery;
    });
  }

  notReady(): string | null {
    return null;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async deliver(event: EventEnvelope): Promise<void> {
    await this.opened;
    if (this.left) throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'consumers' });
    const source = sourceOf(event.topic);
    const consumers = [...this.services.values()].filter(({ inbound }) =>
      inbound.eventSources.some((name) => name === source),
    );
    await Promise.all(
      consumers.map(async ({ inbound, stopped }) => {
        if (stopped) throw new AppError('SHUTTING_DOWN');
        await inbound.event(event);
      }),
    );
  }
}

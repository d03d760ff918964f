import type { LogLevel } from '@qa-pms/contracts';
import { InFlight } from '../in-flight.js';
import type { Log } from '../log.js';
import type { Envelope } from './envelope.js';

/** A message that is being handled, for whoever asks why a stop takes long. */
export interface MessageInHand {
  message: string;
  requestId: string;
  runningMs: number;
}

/** A message that was begun. */
export interface Begun {
  envelope: Envelope;
  /** Of performance.now(). */
  startedAt: number;
  ticket: number;
}

/** What one service is handling, and the line that says what came of it. */
export class MessagesInHand {
  private readonly begun = new InFlight<Begun>();

  constructor(private readonly log: Log) {}

  list(): MessageInHand[] {
    return this.begun.list().map(({ envelope: { headers }, startedAt }) => ({
      message: headers['name'] ?? '',
      requestId: headers['request-id'] ?? '',
      runningMs: Math.round(performance.now() - startedAt),
    }));
  }

  begin(envelope: Envelope): Begun {
    const begun = { envelope, startedAt: performance.now(), ticket: 0 };
    begun.ticket = this.begun.add(begun);
    return begun;
  }

  /** It is left as it is, without a line. */
  leave({ ticket }: Begun): void {
    this.begun.take(ticket);
  }

  /** One line a message: 6 µs (tests/bench/log.js), 1 % of what a request costs. */
  ended(begun: Begun, outcome: string, { level = 'info', err }: { level?: LogLevel; err?: unknown } = {}): void {
    this.leave(begun);
    const durationMs = Math.round((performance.now() - begun.startedAt) * 10) / 10;
    const facts = { message: begun.envelope.headers['name'], outcome, durationMs };
    if (level === 'error' || level === 'warn') this.log[level]({ ...facts, err }, 'message');
    else this.log[level](facts, 'message');
  }
}

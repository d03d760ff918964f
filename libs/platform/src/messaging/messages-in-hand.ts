import type { LogLevel } from '@qa-pms/contracts';
import type { Log } from '../log.js';
import type { Envelope } from './envelope.js';

/** A message that is being handled, for whoever asks why a stop takes long. */
export interface MessageInHand {
  message: string;
  requestId: string;
  runningMs: number;
}

/** What one service is handling, and the line that says what came of it. */
export class MessagesInHand {
  private readonly begun = new Map<Envelope, number>();

  constructor(private readonly log: Log) {}

  list(): MessageInHand[] {
    return [...this.begun].map(([{ headers }, startedAt]) => ({
      message: headers['name'] ?? '',
      requestId: headers['request-id'] ?? '',
      runningMs: Math.round(performance.now() - startedAt),
    }));
  }

  begin(envelope: Envelope): void {
    this.begun.set(envelope, performance.now());
  }

  /** It is left as it is, without a line. */
  leave(envelope: Envelope): void {
    this.begun.delete(envelope);
  }

  /** One line a message: 6 µs (tests/bench/log.js), 1 % of what a request costs. */
  ended(envelope: Envelope, outcome: string, { level = 'info', err }: { level?: LogLevel; err?: unknown } = {}): void {
    const now = performance.now();
    const durationMs = Math.round((now - (this.begun.get(envelope) ?? now)) * 10) / 10;
    this.begun.delete(envelope);
    const facts = { message: envelope.headers['name'], outcome, durationMs };
    if (level === 'error' || level === 'warn') this.log[level]({ ...facts, err }, 'message');
    else this.log[level](facts, 'message');
  }
}

import type { EventEnvelope } from './envelope.js';

/** Where a consumer puts messages that it cannot handle. libs/database implements it; the class is the token. */
export abstract class DeadLetterStore {
  /** Whether an earlier message of the same key waits there: then later ones follow it, so that order holds. */
  abstract isParked(event: EventEnvelope): Promise<boolean>;
  /** Keeps the message with the error that brought it there; null: it follows an earlier one of its key. */
  abstract park(event: EventEnvelope, error: Error | null): Promise<void>;
}

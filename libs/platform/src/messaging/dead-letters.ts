import type { EventEnvelope } from './envelope.js';

/** Where a consumer puts messages that it cannot handle. libs/database implements it; the class is the token. */
export abstract class DeadLetterStore {
  /**
   * Keeps the message where an earlier one of its key waits, so that order holds. False: none does, and the message is to
   * be handled.
   */
  abstract follow(event: EventEnvelope): Promise<boolean>;
  /** Whether an earlier message of its key waits here. */
  abstract isParked(event: EventEnvelope): Promise<boolean>;
  /** Keeps the message with the error that brought it there. */
  abstract park(event: EventEnvelope, error: Error): Promise<void>;
  /**
   * Gives what somebody asked to replay to its handler, key by key and in order; one instance at a time for each key. A
   * refusal is kept with the message. Rejects where the infrastructure fails: the next call goes on.
   */
  abstract replayRequested(handle: (event: EventEnvelope) => Promise<void>): Promise<void>;
}

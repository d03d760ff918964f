import {
  DeadLetterStore,
  deadLetterTopic,
  type EventEnvelope,
  type Headers,
  infrastructureFault,
  outsideTraces,
} from '@qa-pms/platform';
import type { DataSource } from 'typeorm';
import { borrowed, pipelined, type Query } from './connection.js';
import { insertOutbox } from './outbox.js';
import { deadLettersTotal } from './telemetry.js';

/** A message that its consumer could not handle, or that follows such a one of its key. */
export interface DeadLetter {
  sequence: string;
  messageId: string;
  topic: string;
  key: string;
  /** What went wrong; null where it only follows an earlier one. */
  error: string | null;
  createdAt: Date;
  /** When somebody asked for a replay that has not ended yet. */
  replayRequestedAt: Date | null;
}

/** A dead letter with what it says. */
export interface WholeDeadLetter extends DeadLetter {
  headers: Headers;
  body: string;
}

/** What became of a replay that was asked for. */
export interface ReplayState {
  /** Messages of those asked for that are not handled yet. */
  left: number;
  /** Whether nobody is to handle them any more: one was refused. */
  refused: boolean;
  /** The error of the first that is left. */
  error: string | null;
}

const COLUMNS = `sequence, message_id AS "messageId", topic, key, error, created_at AS "createdAt",
  replay_requested_at AS "replayRequestedAt"`;

interface Question {
  event: EventEnvelope;
  resolve: (parked: boolean) => void;
  reject: (error: unknown) => void;
}

/**
 * A consumer's dead letters: rows of its own database over every wire, so that a key stays parked across restarts and
 * instances; each is told of on `<topic>.<consumer>.dead` as well.
 */
export class DeadLetters extends DeadLetterStore {
  private questions: Question[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: string,
    private readonly consumer: string,
    private readonly committed: () => void,
  ) {
    super();
  }

  async follow(event: EventEnvelope): Promise<boolean> {
    if (!(await this.isParked(event))) return false;
    // A replay may take the last one away meanwhile: its row is held until this message stands behind it.
    return this.insert(
      event,
      null,
      `(SELECT FROM ${this.schema}.dead_letters WHERE topic = $2 AND key = $3 ORDER BY sequence LIMIT 1 FOR UPDATE)`,
    );
  }

  async park(event: EventEnvelope, error: Error): Promise<void> {
    await this.insert(event, `${error.name}: ${error.message}`, '(SELECT)');
    deadLettersTotal.inc({ service: this.consumer, topic: event.topic });
  }

  /** The oldest first. */
  async list(): Promise<DeadLetter[]> {
    const [rows] = await this.run([
      {
        text: `SELECT ${COLUMNS} FROM ${this.schema}.dead_letters ORDER BY sequence LIMIT 1000`,
      },
    ]);
    return rows as DeadLetter[];
  }

  /** One with its content; null where there is none of this number. */
  async find(sequence: string): Promise<WholeDeadLetter | null> {
    const [rows] = await this.run([
      {
        text: `SELECT ${COLUMNS}, headers, body FROM ${this.schema}.dead_letters WHERE sequence = $1`,
        values: [sequence],
      },
    ]);
    const row = (rows as (Omit<WholeDeadLetter, 'headers'> & { headers: string })[])[0];
    return row ? { ...row, headers: JSON.parse(row.headers) as Headers } : null;
  }

  /**
   * Asks the running service to replay the key of a message, as only that keeps its order. Returns the numbers of the
   * messages that wait for it: none where there is no such message.
   */
  async requestReplay(sequence: string): Promise<string[]> {
    const [rows] = await this.run([
      {
        text: `UPDATE ${this.schema}.dead_letters AS row SET replay_requested_at = now()
               FROM ${this.schema}.dead_letters AS asked
               WHERE asked.sequence = $1 AND row.topic = asked.topic AND row.key = asked.key
               RETURNING row.sequence`,
        values: [sequence],
      },
    ]);
    return (rows as { sequence: string }[]).map((row) => row.sequence);
  }

  /** How far the replay of these messages is. */
  async replayState(sequences: string[]): Promise<ReplayState> {
    const [rows] = await this.run([
      {
        text: `SELECT error, replay_requested_at IS NULL AS refused FROM ${this.schema}.dead_letters
               WHERE sequence = ANY($1::bigint[]) ORDER BY sequence`,
        values: [sequences],
      },
    ]);
    const left = rows as { error: string | null; refused: boolean }[];
    return { left: left.length, refused: left[0]?.refused ?? false, error: left[0]?.error ?? null };
  }

  async replayRequested(handle: (event: EventEnvelope) => Promise<void>): Promise<void> {
    const requested = `SELECT topic, key FROM ${this.schema}.dead_letters WHERE replay_requested_at IS NOT NULL`;
    const [keys] = await this.run([{ text: `${requested} GROUP BY topic, key ORDER BY min(sequence)` }]);
    for (const { topic, key } of keys as { topic: string; key: string }[]) {
      await this.exclusively(topic, key, async () => {
        // Another instance may have ended it before the lock was ours.
        const [still] = await this.run([
          { text: `${requested} AND topic = $1 AND key = $2 LIMIT 1`, values: [topic, key] },
        ]);
        if (still?.length === 0) return;
        try {
          await this.replayInOrder(topic, key, handle);
        } catch (error) {
          // Not the message's fault: the next round tries again.
          if (infrastructureFault(error)) throw error;
          await this.refuse(topic, key, error);
        }
      });
    }
  }

  /**
   * Gives the messages of a key to their handler again, in their order, and unparks the key when all were taken.
   * Stops at the first that is refused; throws its error, or that another instance replays the key.
   */
  async replay(topic: string, key: string, handle: (event: EventEnvelope) => Promise<void>): Promise<number> {
    let replayed = 0;
    const mine = await this.exclusively(topic, key, async () => {
      replayed = await this.replayInOrder(topic, key, handle);
    });
    if (!mine) throw new Error(`${key} is being replayed by another instance.`);
    return replayed;
  }

  private async replayInOrder(
    topic: string,
    key: string,
    handle: (event: EventEnvelope) => Promise<void>,
  ): Promise<number> {
    let replayed = 0;
    for (;;) {
      const [rows] = await this.run([
        {
          text: `SELECT sequence, topic, key, headers, body FROM ${this.schema}.dead_letters
                 WHERE topic = $1 AND key = $2 ORDER BY sequence LIMIT 1`,
          values: [topic, key],
        },
      ]);
      const row = (rows as { sequence: string; topic: string; key: string; headers: string; body: string }[])[0];
      if (!row) return replayed;
      await handle({ topic: row.topic, key: row.key, headers: JSON.parse(row.headers) as Headers, body: row.body });
      await this.drop(row.sequence);
      replayed += 1;
    }
  }

  /** Removes one message for good. */
  async drop(sequence: string): Promise<void> {
    await this.run([{ text: `DELETE FROM ${this.schema}.dead_letters WHERE sequence = $1`, values: [sequence] }]);
  }

  /**
   * Does the work where no other instance does so for this key; false where one does. The lock is a transaction's, for
   * connection poolers, and not on the rows: a message that arrives meanwhile locks the first of them to follow it.
   */
  private exclusively(topic: string, key: string, work: () => Promise<void>): Promise<boolean> {
    const lock = 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 2)) AS free';
    return borrowed(this.dataSource, async (client) => {
      try {
        const values = [`${this.schema} ${topic} ${key}`];
        const [, locked] = await pipelined(client, [{ text: 'BEGIN' }, { text: lock, values }]);
        if ((locked as { free: boolean }[])[0]?.free !== true) return false;
        await work();
        return true;
      } finally {
        await client.query('COMMIT').catch(() => undefined);
      }
    });
  }

  /** Ends what was asked for; the oldest is the one that its handler refused. */
  private async refuse(topic: string, key: string, error: unknown): Promise<void> {
    const table = `${this.schema}.dead_letters`;
    await this.run([
      {
        text: `UPDATE ${table} SET replay_requested_at = NULL, error = CASE
                 WHEN sequence = (SELECT min(sequence) FROM ${table} WHERE topic = $1 AND key = $2) THEN $3 ELSE error END
               WHERE topic = $1 AND key = $2`,
        values: [topic, key, error instanceof Error ? `${error.name}: ${error.message}` : String(error)],
      },
    ]);
  }

  /** Whether the message is kept now: `where` has a row, or none where it is not to be. */
  private async insert(event: EventEnvelope, error: string | null, where: string): Promise<boolean> {
    const { topic, headers, body } = event;
    const id = headers['id'] ?? '';
    const key = event.key ?? id;
    const table = `${this.schema}.dead_letters`;
    const insertion = {
      text: `INSERT INTO ${table} (message_id, topic, key, headers, body, error)
             SELECT $1::uuid, $2, $3, $4, $5, $6 FROM ${where} AS place ON CONFLICT (topic, message_id) DO NOTHING`,
      values: [id, topic, key, JSON.stringify(headers), body, error],
    };
    const check = { text: `SELECT 1 FROM ${table} WHERE topic = $1 AND message_id = $2`, values: [topic, id] };
    const copy = { id, topic: deadLetterTopic(topic, this.consumer), key, body };
    const told = insertOutbox(this.schema, [{ ...copy, headers: JSON.stringify({ ...headers, error: error ?? '' }) }]);
    const isKept = await borrowed(this.dataSource, async (client) => {
      try {
        const [, , kept] = await pipelined(client, [{ text: 'BEGIN' }, insertion, check]);
        const stands = kept !== undefined && kept.length > 0;
        await pipelined(client, [...(stands ? told : []), { text: 'COMMIT' }]);
        return stands;
      } catch (fault) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw fault;
      }
    });
    if (isKept) this.committed();
    return isKept;
  }

  isParked(event: EventEnvelope): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // One statement answers all that is asked in one turn: a statement for each event halved what a consumer takes.
      // It serves several traces.
      if (this.questions.length === 0) setImmediate(() => void outsideTraces(() => this.answerQuestions()));
      this.questions.push({ event, resolve, reject });
    });
  }

  private async answerQuestions(): Promise<void> {
    const questions = this.questions;
    this.questions = [];
    try {
      const [rows] = await this.run([
        {
          name: 'qa-dead-letters-parked',
          text: `SELECT DISTINCT topic, key FROM ${this.schema}.dead_letters
                 WHERE (topic, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
          values: [questions.map(({ event }) => event.topic), questions.map(({ event }) => event.key)],
        },
      ]);
      const parked = new Set((rows as { topic: string; key: string }[]).map(({ topic, key }) => `${topic} ${key}`));
      for (const { event, resolve } of questions) resolve(parked.has(`${event.topic} ${String(event.key)}`));
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }

  private run(queries: Query[]): Promise<unknown[][]> {
    return borrowed(this.dataSource, (client) => pipelined(client, queries));
  }
}

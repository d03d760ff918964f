import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError, type EventClass, type ServiceName } from '@qa-pms/contracts';
import type { MessageContext } from '@qa-pms/platform';
import type { PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { pipelined, type Query } from './connection.js';
import { insertOutbox, type OutboxRow, outboxRow } from './outbox.js';
import { Pipe } from './pipe.js';
import type { SharedConnections } from './shared-connections.js';
import type { Statement } from './statements.js';
import { transactions } from './telemetry.js';

/**
 * A transaction that is scoped to the project of the current message. It begins, and takes a connection, with its first
 * query: what is asked of others before that holds none. Where nothing is queried at all, others share the connection.
 */
export interface Transaction {
  /** Rows of a statement; a declared one is planned once a connection. */
  query<Row>(sql: string | Statement, values?: unknown[]): Promise<Row[]>;
  /**
   * A statement whose rows nobody reads. It goes out with the next query or with the commit, in their round trip, and
   * where it fails that fails.
   */
  write(sql: string | Statement, values?: unknown[]): void;
  /** TypeORM, in this transaction and behind all that was written: insert(), update(), find…; save() costs twice as much. */
  typeorm<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  /** Publishes an event when, and only when, this transaction commits. Throws what `eventBody` does. */
  publish<E extends EventClass>(event: E, payload: InstanceType<E>): void;
}

/** Whose transactions these are. */
export interface Place {
  dataSource: DataSource;
  service: ServiceName;
  schema: string;
  topicPrefix: string;
  /** For transactions that are one round trip. */
  writes: SharedConnections;
}

const COMMIT: Query = { text: 'COMMIT' };

/** One attempt at a transaction. */
export class Attempt implements Transaction {
  private runner: QueryRunner | undefined;
  private readonly pipe: Pipe;
  private readonly rows: OutboxRow[] = [];
  private connecting: Promise<PoolClient> | undefined;

  private readonly isKeyed: boolean;

  /**
   * @param opening begins it
   * @param message it is done once for it
   */
  constructor(
    private readonly place: Place,
    private readonly opening: Query,
    private readonly message: MessageContext | null,
  ) {
    this.isKeyed = message?.idempotencyHash != null;
    this.pipe = new Pipe(() => this.connect(), this.isKeyed ? [] : [opening]);
  }

  async query<Row>(sql: string | Statement, values: unknown[] = []): Promise<Row[]> {
    const [found] = await this.pipe.send(named(sql, values));
    return found as Row[];
  }

  write(sql: string | Statement, values: unknown[] = []): void {
    this.pipe.hold(named(sql, values));
  }

  async typeorm<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    await this.pipe.flush();
    return work(this.runner!.manager);
  }

  publish<E extends EventClass>(event: E, payload: InstanceType<E>): void {
    const { topicPrefix, service } = this.place;
    this.rows.push(outboxRow(topicPrefix, service, event, payload));
  }

  /** Commits with the reply to the message; whether there are events to tell. */
  async commit(reply: unknown): Promise<boolean> {
    const closing = [...this.closing(reply), COMMIT];
    const whole = this.isKeyed ? null : this.pipe.takeWhole();
    if (whole) await this.sendWhole([...whole, ...closing]);
    else await this.pipe.send(...closing);
    transactions.inc({ service: this.place.service, outcome: 'committed' });
    return this.rows.length > 0;
  }

  /** Takes back what was sent, if anything was. */
  async rollBack(): Promise<void> {
    this.pipe.close();
    const client = await this.connecting?.catch(() => null);
    if (!client) return;
    await client.query('ROLLBACK').catch(() => undefined);
    transactions.inc({ service: this.place.service, outcome: 'rolled_back' });
  }

  /** Gives the connection back. */
  async release(): Promise<void> {
    this.pipe.close();
    if (!this.runner) return;
    markActive(this.runner, false);
    await this.runner.release();
  }

  /** PostgreSQL's answer to a COMMIT after a fault is a rollback: nothing needs to be taken back. */
  private async sendWhole(queries: Query[]): Promise<void> {
    // Its statements belong to the current span, also where another's turn sends them.
    const inContext = AsyncLocalStorage.snapshot();
    try {
      await this.place.writes.send((client) => inContext(() => pipelined(client, queries)));
    } catch (error) {
      transactions.inc({ service: this.place.service, outcome: 'rolled_back' });
      throw error;
    }
  }

  private async connect(): Promise<PoolClient> {
    this.runner = this.place.dataSource.createQueryRunner();
    this.connecting = this.runner.connect() as Promise<PoolClient>;
    const client = await this.connecting;
    markActive(this.runner, true);
    if (this.isKeyed) await this.takeKey(client);
    return client;
  }

  /** Begins; one at a time for each `Idempotency-Key`. */
  private async takeKey(client: PoolClient): Promise<void> {
    const lock = 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free';
    // Its snapshot is taken after the lock is: whoever had that before may just have committed.
    const inbox = `SELECT 1 FROM ${this.place.schema}.inbox_messages WHERE message_id = $1`;
    const values = [this.message?.messageId];
    const [, locked, stored] = await pipelined(client, [this.opening, { text: lock, values }, { text: inbox, values }]);
    if ((locked as { free: boolean }[])[0]?.free !== true) throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    if (stored && stored.length > 0) throw new AppError('CONFLICT');
  }

  private closing(reply: unknown): Query[] {
    const { message, rows } = this;
    const { schema } = this.place;
    const queries: Query[] = [];
    if (message) {
      queries.push({
        name: 'qa-inbox',
        text: `INSERT INTO ${schema}.inbox_messages (message_id, reply, body_hash) VALUES ($1, $2, $3)`,
        values: [message.messageId, reply === undefined ? null : JSON.stringify(reply), message.idempotencyHash],
      });
    }
    if (message?.otherMessageIds !== undefined) {
      queries.push({
        name: 'qa-inbox-others',
        text: `INSERT INTO ${schema}.inbox_messages (message_id) SELECT unnest($1::uuid[])`,
        values: [message.otherMessageIds],
      });
    }
    if (rows.length > 0) queries.push(...insertOutbox(schema, rows));
    return queries;
  }
}

function named(sql: string | Statement, values: unknown[]): Query {
  return typeof sql === 'string' ? { text: sql, values } : { ...sql, values };
}

/** TypeORM must know of a transaction that it did not begin: else save() and others would open one of their own. */
function markActive(runner: QueryRunner, active: boolean): void {
  (runner as { isTransactionActive: boolean }).isTransactionActive = active;
}

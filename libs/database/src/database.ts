import { AppError, type EventClass, keyOf, type ServiceName, wireName } from '@qa-pms/contracts';
import { currentContext, eventBody, eventHeaders, type MessageContext, topicName } from '@qa-pms/platform';
import type { PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { borrowed, poolOf, type Query } from './connection.js';
import { Pipe } from './pipe.js';
import { Lookups, type Scope, scopedRead } from './scoped-read.js';
import type { PagedStatement, Statement } from './statements.js';
import { measured, replays, transactions } from './telemetry.js';

/** A transaction that is scoped to the project of the current message. */
export interface Transaction {
  /** Rows of a statement; a declared one is planned once a connection. */
  query<Row>(sql: string | Statement, values?: unknown[]): Promise<Row[]>;
  /**
   * A statement whose rows nobody reads. It goes out with the next query or with the commit, in their round trip, and
   * where it fails that fails.
   */
  write(sql: string | Statement, values?: unknown[]): void;
  /** TypeORM, in this transaction: insert(), update(), find…; save() costs twice as much. */
  readonly manager: EntityManager;
  /** Publishes an event when, and only when, this transaction commits. Throws what `eventBody` does. */
  publish<E extends EventClass>(event: E, payload: InstanceType<E>): void;
}

/** An event that waits for its transaction to commit. */
export interface OutboxRow {
  id: string;
  topic: string;
  key: string;
  headers: string;
  body: string;
}

type Work<T> = (tx: Transaction) => Promise<T>;

const COMMIT: Query = { text: 'COMMIT' };
/** Serialisation failure and deadlock: another try may succeed. https://www.postgresql.org/docs/18/errcodes-appendix.html */
const RETRYABLE = new Set(['40001', '40P01']);
const ATTEMPTS = 5;

/** Where a service's rows are read and written. Every way in sets the project first, so that no handler can forget it. */
export class Database {
  /** For background work over all projects. */
  readonly acrossProjects: Pick<Database, 'read' | 'transaction'>;
  private readonly lookups: Lookups;
  private readonly limit: string;

  constructor(
    readonly dataSource: DataSource,
    private readonly service: ServiceName,
    private readonly schema: string,
    private readonly topicPrefix: string,
    private readonly committed: () => void,
    private readonly everywhere = false,
  ) {
    this.lookups = new Lookups(dataSource);
    const { query_timeout: timeoutMs = 0 } = poolOf(dataSource).options;
    // A statement that we have given up goes on in the server, which notices nothing while it waits for a lock.
    this.limit = timeoutMs === 0 ? '' : `; SET LOCAL statement_timeout = ${String(timeoutMs)}`;
    this.acrossProjects = everywhere ? this : new Database(dataSource, service, schema, topicPrefix, committed, true);
  }

  /** Rows of one statement, in one round trip. */
  async read<Row>(one: Statement, values: unknown[] = []): Promise<Row[]> {
    const rows = await (one.isLookup === true ? this.lookUp({ ...one, values }) : this.readOne({ ...one, values }));
    return rows as Row[];
  }

  /** One page of a list and the number of all its rows, in one round trip. */
  async readPage<Row>(
    list: PagedStatement,
    values: unknown[],
    { page = 1, pageSize = 20 }: { page?: number; pageSize?: number },
  ): Promise<{ rows: Row[]; total: number }> {
    const rows = { ...list.rows, values: [...values, pageSize, (page - 1) * pageSize] };
    const scope = this.scope();
    const [found, counted] = await borrowed(this.dataSource, (client) =>
      Promise.all([this.readAs(client, rows, scope), this.readAs(client, { ...list.count, values }, scope)]),
    );
    return { rows: found as Row[], total: (counted as { total: number }[])[0]?.total ?? 0 };
  }

  /** All or nothing; events are published at its commit. */
  transaction<T>(work: Work<T>): Promise<T> {
    return this.retried(() => this.attempt(work, null));
  }

  /**
   * A transaction whose effect happens once for the current message, however often that is delivered: delivered again,
   * the stored reply is returned. Throws IDEMPOTENCY_KEY_REUSED and IDEMPOTENCY_IN_PROGRESS for an `Idempotency-Key`.
   */
  once<T>(work: Work<T>): Promise<T> {
    const context = currentContext();
    return this.retried(async () => {
      try {
        return await this.attempt(work, context);
      } catch (error) {
        // Either the inbox knew the message, or the rules refused what has been done already.
        const refused =
          error instanceof AppError && error.kind.status < 500 && error.code !== 'IDEMPOTENCY_IN_PROGRESS';
        if (!refused && !isUniqueViolation(error, 'inbox_messages_pk')) throw error;
        // One of several was done before: which of them says nothing of the others.
        if (context.otherMessageIds !== undefined) throw error;
        const given = await this.replyGiven<T>();
        if (!given) throw error;
        if (context.idempotencyHash !== null) replays.inc({ service: this.service });
        return given.reply;
      }
    });
  }

  /**
   * The reply that was given to the current message before; null where it is new. For work that asks others before its
   * transaction: what is done already needs them no more. Throws IDEMPOTENCY_KEY_REUSED.
   */
  async replyGiven<T>(): Promise<{ reply: T } | null> {
    const { messageId, idempotencyHash } = currentContext();
    const [stored] = (await this.lookUp({
      name: 'qa-inbox-reply',
      text: `SELECT reply, body_hash FROM ${this.schema}.inbox_messages WHERE message_id = $1`,
      values: [messageId],
    })) as { reply: string | null; body_hash: string | null }[];
    if (!stored) return null;
    if (stored.body_hash !== idempotencyHash) throw new AppError('IDEMPOTENCY_KEY_REUSED');
    return { reply: (stored.reply === null ? undefined : JSON.parse(stored.reply)) as T };
  }

  private readOne(query: Query): Promise<unknown[]> {
    const scope = this.scope();
    return borrowed(this.dataSource, (client) => this.readAs(client, query, scope));
  }

  private readAs(client: PoolClient, query: Query, scope: Scope): Promise<unknown[]> {
    return measured(this.schema, query.text, () => scopedRead(client, query, scope));
  }

  private lookUp(query: Query): Promise<unknown[]> {
    const scope = this.scope();
    return measured(this.schema, query.text, () => this.lookups.read(query, scope));
  }

  private async attempt<T>(work: Work<T>, message: MessageContext | null): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const client = (await runner.connect()) as PoolClient;
    const pipe = new Pipe(client, this.opening());
    const rows: OutboxRow[] = [];
    try {
      if (message?.idempotencyHash != null) await this.takeKey(pipe, message.messageId);
      markActive(runner, true);
      const result = await work(this.handle(runner, pipe, rows));
      await pipe.send(...this.closing(rows, message, result), COMMIT);
      markActive(runner, false);
      transactions.inc({ service: this.service, outcome: 'committed' });
      if (rows.length > 0) this.committed();
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      transactions.inc({ service: this.service, outcome: 'rolled_back' });
      throw error;
    } finally {
      markActive(runner, false);
      await runner.release();
    }
  }

  /** One at a time for each `Idempotency-Key`. */
  private async takeKey(pipe: Pipe, messageId: string): Promise<void> {
    const lock = 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free';
    // Its snapshot is taken after the lock is: whoever had that before may just have committed.
    const inbox = `SELECT 1 FROM ${this.schema}.inbox_messages WHERE message_id = $1`;
    const values = [messageId];
    const [locked, stored] = await pipe.send({ text: lock, values }, { text: inbox, values });
    if ((locked as { free: boolean }[])[0]?.free !== true) throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    if (stored && stored.length > 0) throw new AppError('CONFLICT');
  }

  private handle(runner: QueryRunner, pipe: Pipe, rows: OutboxRow[]): Transaction {
    const named = (sql: string | Statement, values: unknown[]): Query =>
      typeof sql === 'string' ? { text: sql, values } : { ...sql, values };
    return {
      get manager() {
        // TypeORM's own statements go behind what waits.
        pipe.flush();
        return runner.manager;
      },
      query: async <Row>(sql: string | Statement, values: unknown[] = []) => {
        const [found] = await pipe.send(named(sql, values));
        return found as Row[];
      },
      write: (sql, values = []) => {
        pipe.hold(named(sql, values));
      },
      publish: (event, payload) => {
        rows.push(this.outboxRow(event, payload));
      },
    };
  }

  private outboxRow(event: EventClass, payload: object): OutboxRow {
    const id = uuidv7();
    const { contract } = event;
    return {
      id,
      topic: topicName(this.topicPrefix, this.service, 'events'),
      key: keyOf(contract, payload) ?? id,
      headers: JSON.stringify(eventHeaders(wireName(contract), id, currentContext())),
      body: eventBody(event, payload),
    };
  }

  private closing(rows: OutboxRow[], message: MessageContext | null, result: unknown): Query[] {
    const queries: Query[] = [];
    if (message) {
      queries.push({
        name: 'qa-inbox',
        text: `INSERT INTO ${this.schema}.inbox_messages (message_id, reply, body_hash) VALUES ($1, $2, $3)`,
        values: [message.messageId, result === undefined ? null : JSON.stringify(result), message.idempotencyHash],
      });
    }
    if (message?.otherMessageIds !== undefined) {
      queries.push({
        name: 'qa-inbox-others',
        text: `INSERT INTO ${this.schema}.inbox_messages (message_id) SELECT unnest($1::uuid[])`,
        values: [message.otherMessageIds],
      });
    }
    if (rows.length > 0) queries.push(...insertOutbox(this.schema, rows));
    return queries;
  }

  private async retried<T>(attempt: () => Promise<T>): Promise<T> {
    for (let count = 1; ; count += 1) {
      try {
        return await attempt();
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        if (count >= ATTEMPTS || typeof code !== 'string' || !RETRYABLE.has(code)) throw error;
      }
    }
  }

  /**
   * BEGIN with the project: one message of the simple protocol, where a call of set_config would be parsed, bound and
   * answered with a row for each transaction.
   */
  private opening(): Query {
    const { projectId, everywhere } = this.scope();
    const all = everywhere ? 'on' : 'off';
    return {
      text: `BEGIN; SET LOCAL qa.project_id = '${projectId}'; SET LOCAL qa.all_projects = '${all}'${this.limit}`,
    };
  }

  private scope(): Scope {
    const { everywhere } = this;
    const projectId = everywhere ? '' : (currentContext().caller.projectId ?? '');
    // It becomes part of a text: nothing but a UUID may.
    if (!/^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/i.test(projectId))
      throw new AppError('PROJECT_NOT_FOUND', { id: projectId });
    return { projectId, everywhere };
  }
}

/** Statements that put rows into an outbox. The locks make the order of each key that of the commits. */
export function insertOutbox(schema: string, rows: OutboxRow[]): Query[] {
  const column = (pick: (row: OutboxRow) => string): string[] => rows.map(pick);
  return [
    {
      name: 'qa-outbox-lock',
      text: `SELECT pg_advisory_xact_lock(hashtextextended(key, 1)) FROM unnest($1::text[]) AS keys (key)`,
      values: [[...new Set(column((row) => row.key))].sort()],
    },
    {
      name: 'qa-outbox',
      text: `INSERT INTO ${schema}.outbox_messages (id, topic, key, headers, body)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])`,
      values: [
        column((row) => row.id),
        column((row) => row.topic),
        column((row) => row.key),
        column((row) => row.headers),
        column((row) => row.body),
      ],
    },
  ];
}

/** Whether an error is PostgreSQL's refusal of a duplicate, optionally of one constraint or unique index. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const facts = error as { code?: unknown; constraint?: unknown } | null;
  return facts?.code === '23505' && (constraint === undefined || facts.constraint === constraint);
}

/** TypeORM must know of a transaction that it did not begin: else save() and others would open one of their own. */
function markActive(runner: QueryRunner, active: boolean): void {
  (runner as { isTransactionActive: boolean }).isTransactionActive = active;
}

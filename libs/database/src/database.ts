import { AppError, type ServiceName } from '@qa-pms/contracts';
import { currentContext, type MessageContext } from '@qa-pms/platform';
import type { PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { borrowed, poolOf, type Query } from './connection.js';
import { type Scope, scopedRead } from './scoped-read.js';
import { SharedConnections } from './shared-connections.js';
import type { PagedStatement, Statement } from './statements.js';
import { measured, replays } from './telemetry.js';
import { Attempt, type Place, type Transaction } from './transaction.js';

type Work<T> = (tx: Transaction) => Promise<T>;

/** Serialisation failure and deadlock: others were in the way. https://www.postgresql.org/docs/18/errcodes-appendix.html */
const IN_THE_WAY = new Set(['40001', '40P01']);
/** A statement that is not known: another transaction on the connection was the first to name it, and failed. */
const UNKNOWN_STATEMENT = '26000';
/** Each time one of those that are in each other's way is done: many at once on one row all get their turn. */
const ATTEMPTS = 25;
const LOOKUPS_TOGETHER = 16;
/** Fewer than lookups: each waits for its commit to be on the disk. */
const WRITES_TOGETHER = 8;

/** Where a service's rows are read and written. Every way in sets the project first, so that no handler can forget it. */
export class Database {
  /** For background work over all projects. */
  readonly acrossProjects: Pick<Database, 'read' | 'transaction'>;
  private readonly place: Place;
  private readonly lookups: SharedConnections;
  private readonly limit: string;

  constructor(
    readonly dataSource: DataSource,
    private readonly service: ServiceName,
    private readonly schema: string,
    topicPrefix: string,
    private readonly committed: () => void,
    private readonly everywhere = false,
  ) {
    this.lookups = new SharedConnections(dataSource, LOOKUPS_TOGETHER);
    const writes = new SharedConnections(dataSource, WRITES_TOGETHER);
    this.place = { dataSource, service, schema, topicPrefix, writes };
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
        // Either the inbox knew the message, or what has been done already is refused, is there, or needs somebody who is gone.
        const refused = error instanceof AppError && error.code !== 'IDEMPOTENCY_IN_PROGRESS';
        if (!refused && !isUniqueViolation(error)) throw error;
        // One of several was done before: which of them says nothing of the others.
        if (context.otherMessageIds !== undefined) throw error;
        const given = await this.replyGiven<T>();
        if (!given) throw error;
        if (context.idempotencyHash !== null) replays.inc({ service: this.service });
        return given.reply;
      }
    });
  }

  /** The reply that was given to the current message before; null where it is new. Throws IDEMPOTENCY_KEY_REUSED. */
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
    return measured(this.schema, query.text, () => this.lookups.send((client) => scopedRead(client, query, scope)));
  }

  private async attempt<T>(work: Work<T>, message: MessageContext | null): Promise<T> {
    const attempt = new Attempt(this.place, this.opening(), message);
    try {
      const result = await work(attempt);
      if (await attempt.commit(result)) this.committed();
      return result;
    } catch (error) {
      await attempt.rollBack();
      throw error;
    } finally {
      await attempt.release();
    }
  }

  private async retried<T>(attempt: () => Promise<T>): Promise<T> {
    for (let count = 1; ; count += 1) {
      try {
        return await attempt();
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        const isInTheWay = typeof code === 'string' && IN_THE_WAY.has(code);
        if (!isInTheWay && code !== UNKNOWN_STATEMENT) throw error;
        if (count >= ATTEMPTS) throw isInTheWay ? new AppError('CONFLICT', {}, { cause: error }) : error;
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

/** Whether an error is PostgreSQL's refusal of a duplicate, optionally of one constraint or unique index. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const facts = error as { code?: unknown; constraint?: unknown } | null;
  return facts?.code === '23505' && (constraint === undefined || facts.constraint === constraint);
}

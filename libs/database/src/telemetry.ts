import type { Attributes } from '@opentelemetry/api';
import {
  activeSpan,
  counter,
  gauge,
  histogram,
  infrastructureFault,
  markFailed,
  observe,
  PART_BUCKETS,
  secondsSince,
  SpanKind,
  startSpan,
} from '@qa-pms/platform';
import pg, { type Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { pendingMigrations } from './migrations.js';

const durations = histogram('db_query_duration_seconds', 'From a statement to its rows, by the table it is about.', {
  labels: ['operation', 'entity'],
  buckets: PART_BUCKETS,
});
const errors = counter('db_errors_total', 'Statements that failed: `connection`, or the class of PostgreSQL’s error.', [
  'kind',
]);
/** Counted when somebody looks: twice for each statement would cost the hot path. */
gauge(
  'db_connections',
  'Connections of a service’s pool; `waiting` are those who wait for one.',
  ['state'],
  (connections) => {
    for (const [service, pool] of pools) {
      connections.set({ service, state: 'active' }, pool.totalCount - pool.idleCount);
      connections.set({ service, state: 'idle' }, pool.idleCount);
      connections.set({ service, state: 'waiting' }, pool.waitingCount);
    }
  },
);
const pools = new Map<string, Pool>();
const connectionsMax = gauge('db_connections_max', 'Connections that a service’s pool may have.');
/** Commands whose effect was there already. */
export const replays = counter('idempotency_replays_total', 'Repeated `Idempotency-Key`s that got the stored answer.');
/** Messages that were given up. */
export const deadLettersTotal = counter('dead_letters_total', 'Messages that went to the dead letters.', ['topic']);
const deadLetters = gauge('dead_letters', 'Messages among the dead letters.', ['topic']);
const outbox = gauge('outbox_messages', 'Events that wait in the outbox.');
const outboxOldest = gauge('outbox_oldest_seconds', 'Age of the oldest event in the outbox.');
const pending = gauge('migrations_pending', 'Migrations that are not applied.');
/** Transactions that ended. */
export const transactions = counter('db_transactions_total', 'Transactions that ended: `committed` or `rolled_back`.', [
  'outcome',
]);

interface Described {
  operation: string;
  entity: string;
}

/** Statements are written in the source: there are some hundred of them. Beyond that nothing is remembered. */
const MAX_DESCRIBED = 2_000;
const described = new Map<string, Described>();

/** What a statement does, and to which table: the first that it names. */
export function describe(sql: string): Described {
  const known = described.get(sql);
  if (known) return known;
  const first = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? 'OTHER';
  // Of WITH … what it changes; FOR UPDATE changes nothing.
  const change = /\b(INSERT|(?<!\bFOR\s)UPDATE|DELETE)\b/i.exec(sql)?.[1]?.toUpperCase();
  const operation = first === 'WITH' ? (change ?? 'SELECT') : first;
  const entity = /\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?"?(\w+)"?\."?(\w+)"?/i.exec(sql);
  const description = { operation, entity: entity ? `${entity[1] ?? ''}.${entity[2] ?? ''}` : 'none' };
  if (described.size < MAX_DESCRIBED) described.set(sql, description);
  return description;
}

/** Watches the connections of a pool. */
export function watchPool(pool: Pool, service: string): void {
  connectionsMax.set({ service }, pool.options.max);
  pools.set(service, pool);
}

/** Topics that had dead letters: without any they are at 0, not gone. */
const deadTopics = new Map<string, Set<string>>();

/** What stands in the tables of messaging, and how far the migrations are. */
export async function measureTables(dataSource: DataSource, service: string, schema: string): Promise<void> {
  const [waiting] = await dataSource.query<{ count: number; age: number }[]>(
    `SELECT count(*)::int AS count, COALESCE(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age
     FROM ${schema}.outbox_messages`,
  );
  const dead = await dataSource.query<{ topic: string; count: number }[]>(
    `SELECT topic, count(*)::int AS count FROM ${schema}.dead_letters GROUP BY topic`,
  );
  outbox.set({ service }, waiting?.count ?? 0);
  outboxOldest.set({ service }, waiting?.age ?? 0);
  const topics = deadTopics.get(service) ?? new Set<string>();
  deadTopics.set(service, topics);
  for (const topic of topics) deadLetters.set({ service, topic }, 0);
  for (const { topic, count } of dead) {
    topics.add(topic);
    deadLetters.set({ service, topic }, count);
  }
  pending.set({ service }, (await pendingMigrations(dataSource, schema)).length);
}

type Send = (...args: unknown[]) => unknown;

/** A client of PostgreSQL that measures and traces its statements. */
export function measuredClient(service: string): typeof pg.Client {
  class MeasuredClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super(config);
      // A pool takes its own listener off a new connection before anybody who gets it can listen: a server that dies just
      // then would end the process. Whoever uses the connection gets the error of its statement.
      this.on('error', () => undefined);
    }

    override query(...args: unknown[]): never {
      const send = super.query.bind(this) as unknown as Send;
      const [first] = args;
      const sql = typeof first === 'string' ? first : (first as { text?: unknown }).text;
      // Whoever has made a query of pg's by itself measures it; BEGIN and COMMIT are counted as transactions.
      if (typeof sql !== 'string' || first instanceof pg.Query || /^(BEGIN|COMMIT|ROLLBACK)/.test(sql))
        return send(...args) as never;
      return measured(service, sql, () => send(...args)) as never;
    }
  }
  return MeasuredClient;
}

/** Measures and traces a statement from here to its rows. */
export function measured<T>(service: string, sql: string, send: () => T): T {
  const { operation, entity } = describe(sql);
  const span = activeSpan()?.isRecording()
    ? startSpan(`${operation} ${entity}`, SpanKind.CLIENT, () => attributes(service, operation, entity, sql))
    : undefined;
  const start = performance.now();
  const result = send();
  const end = (): void => {
    observe(durations, { service, operation, entity }, secondsSince(start), span);
    span?.end();
  };
  if (result instanceof Promise) {
    result.then(end, (error: unknown) => {
      const { code } = error as { code?: unknown };
      const kind = infrastructureFault(error) || typeof code !== 'string' ? 'connection' : code.slice(0, 2);
      errors.inc({ service, kind });
      if (span) markFailed(span, error);
      end();
    });
  } else end();
  return result;
}

/** https://opentelemetry.io/docs/specs/semconv/database/postgresql/ – the text has places for values, never values. */
function attributes(service: string, operation: string, entity: string, sql: string): Attributes {
  return {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    'db.collection.name': entity,
    'db.query.text': sql.replace(/\s+/g, ' ').trim(),
    'qa.service': service,
  };
}

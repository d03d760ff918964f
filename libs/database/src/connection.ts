import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  infrastructureFault,
  type Log,
  SettingsError,
  settingName,
  textOf,
  tlsOptions,
  tlsProblem,
} from '@qa-pms/platform';
import pg, { type Pool, type PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import type { DatabaseSettings } from './database.settings.js';
import { messagingTables } from './messaging-tables.js';
import type { DatabaseOptions } from './options.js';
import { measuredClient } from './telemetry.js';

/** Seconds that a starting service waits for its database. */
const START_PATIENCE_S = 30;

/** How a data source differs from a service's usual one. */
export interface ConnectionOptions {
  /** Taken by every connection. */
  role?: string | null;
  /** False for whom COPY is needed, which pg does not pipeline. */
  pipeline?: boolean;
  /** Milliseconds after which a statement without an answer is given up, and its connection with it. Default: never. */
  queryTimeoutMs?: number;
}

/** A data source for a service. */
export function createDataSource(
  options: DatabaseOptions,
  settings: DatabaseSettings,
  log: Log,
  { role = null, pipeline = true, queryTimeoutMs = 0 }: ConnectionOptions = {},
): DataSource {
  const tls = tlsOptions(settings);
  return new DataSource({
    type: 'postgres',
    url: settings.url,
    schema: options.schema,
    entities: options.entities,
    migrations: [messagingTables(options.schema), ...options.migrations],
    migrationsTableName: 'migrations',
    applicationName: `qa-pms ${options.schema}`,
    connectTimeoutMS: settings.acquireTimeoutMs,
    poolSize: settings.poolMax,
    poolErrorHandler: (error: unknown) => {
      // The error itself carries the whole client.
      log.warn({ reason: (error as Error).message }, 'idle database connection was lost');
    },
    logging: false,
    extra: {
      min: settings.poolMin,
      idleTimeoutMillis: settings.idleSeconds * 1_000,
      // BEGIN, the project and the statement go out in one round trip: 16,000 instead of 6,600 reads a second were measured.
      pipeline,
      // With `pipeline` pg ends the connection then: https://node-postgres.com/apis/client
      query_timeout: queryTimeoutMs,
      Client: measuredClient(options.schema),
      // By an address instead of a name pg tells TLS no host, which then compares the certificate with "localhost".
      ...(tls && { ssl: { ...tls, host: new URL(settings.url).hostname } }),
      ...(role !== null && { options: `-c role=${role}` }),
    },
  });
}

/** Connects, waiting some seconds for a database that is still starting. Throws SettingsError where it refuses us. */
export async function connect(dataSource: DataSource, log: Log, patienceSeconds = START_PATIENCE_S): Promise<void> {
  for (let second = 0; ; second += 1) {
    try {
      await dataSource.initialize();
      return;
    } catch (error) {
      const refusal = refusalOf(error, dataSource);
      if (refusal) throw refusal;
      if (!infrastructureFault(error)) throw error;
      if (second >= patienceSeconds) throw unreachable(error, dataSource);
      if (second === 0) log.warn({ err: error }, 'waiting for the database');
      await sleep(1_000);
    }
  }
}

/** The same error with a sentence for its reader. */
function unreachable(error: unknown, dataSource: DataSource): Error {
  const { code = 'no answer' } = (error ?? {}) as { code?: string };
  const { url = '' } = dataSource.options as { url?: string };
  const text = `PostgreSQL at ${placeOf(url)} cannot be reached (${code}): is it running? Else look at ${settingName('database.url')}.`;
  // Where nobody listens there is no Unix socket.
  return Object.assign(new Error(text, { cause: error }), { code: code === 'ENOENT' ? 'ECONNREFUSED' : code });
}

/** A refusal that the settings explain; null for any other error. */
function refusalOf(error: unknown, dataSource: DataSource): SettingsError | null {
  const { url = '' } = dataSource.options as { url?: string };
  const { username } = new URL(url);
  const problem = tlsProblem(error, 'database') ?? signInProblem(error, decodeURIComponent(username));
  return problem === null ? null : new SettingsError([{ key: '', place: `PostgreSQL at ${placeOf(url)}`, problem }]);
}

/** Host and port of an address, or the folder of its Unix socket. */
function placeOf(url: string): string {
  return decodeURIComponent(new URL(url).host);
}

/** By SQLSTATE: https://www.postgresql.org/docs/18/errcodes-appendix.html */
function signInProblem(error: unknown, username: string): string | null {
  const said = textOf(error);
  const code = String((error as { code?: unknown } | null)?.code);
  const url = settingName('database.url');
  if (code === '28P01') return `refuses the password of "${username}": look at ${url}`;
  if (code === '3D000') return `does not have this database: make it, or look at ${url}`;
  if (code !== '28000') return null;
  if (said.includes('no encryption')) {
    return `takes "${username}" over TLS only: set ${settingName('database.tls.mode')} to verify-full`;
  }
  if (/client certificate|certificate authentication failed/.test(said)) {
    const [certificate, key] = [settingName('database.tls.certificate'), settingName('database.tls.key')];
    return `asks for a certificate of "${username}": look at ${certificate} and ${key}`;
  }
  return `refuses "${username}" (${(error as Error).message}): look at ${url}`;
}

/** New connections use the certificates that a reload has read. */
export function renewTls(dataSource: DataSource, settings: DatabaseSettings): void {
  const { ssl } = poolOf(dataSource).options as { ssl?: object };
  if (ssl) Object.assign(ssl, tlsOptions(settings));
}

/** The pool below a data source. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/**
 * Lends a connection of the pool for some work. One that is lost meanwhile fails the work and leaves the pool: without
 * a listener its error event, which comes beside the failure of each query, would end the process.
 */
export async function borrowed<T>(dataSource: DataSource, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await poolOf(dataSource).connect();
  let lost: Error | undefined;
  const onLost = (error: Error): void => {
    lost = error;
  };
  client.on('error', onLost);
  try {
    return await work(client);
  } catch (error) {
    // After the server's refusal of a statement the connection is as good as before.
    if (!(error instanceof pg.DatabaseError) || infrastructureFault(error)) lost ??= error as Error;
    throw error;
  } finally {
    client.off('error', onLost);
    client.release(lost);
  }
}

/** Milliseconds that a probe waits for the database. */
const PROBE_MS = 1_000;

/** Rows of a statement that must come soon; a connection that keeps silent leaves the pool, where it would fail others. */
export function probe<Row>(dataSource: DataSource, text: string, values: unknown[] = []): Promise<Row[]> {
  // Known to pg, and not to its types: https://node-postgres.com/apis/client#new-client
  const query = { text, values, query_timeout: PROBE_MS };
  return borrowed(dataSource, async (client) => (await client.query(query)).rows as Row[]);
}

/** A statement with its values; a name lets PostgreSQL keep its plan. */
export interface Query {
  name?: string;
  text: string;
  values?: unknown[];
}

/** Sends statements in one round trip and returns the rows of each; the first that fails rejects the whole, at its end. */
export async function pipelined(client: PoolClient, queries: Query[]): Promise<unknown[][]> {
  const sent = corked(client, () => queries.map((query) => client.query<Record<string, unknown>>(query)));
  const results = await Promise.allSettled(sent);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value.rows;
  });
}

/** pg writes each statement to the socket at once: held together they cost one system call instead of one each. */
export function corked<T>(client: PoolClient, send: () => T): T {
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

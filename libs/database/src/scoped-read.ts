import pg, { type PoolClient, type QueryArrayResult } from 'pg';
import type { DataSource } from 'typeorm';
import { borrowed, corked, type Query } from './connection.js';

/** What a transaction may see; see `opening` in database.ts. */
export interface Scope {
  /** A UUID, or empty. */
  projectId: string;
  everywhere: boolean;
}

/** Answers no row: nobody waits for one. Its values hold until the transaction ends. */
const SET_SCOPE = {
  name: 'qa-scope',
  text: `SELECT WHERE set_config('qa.project_id', $1, true) IS NULL OR set_config('qa.all_projects', $2, true) IS NULL`,
};

/** pg's view of a connection, as its own Query uses it. */
interface Connection {
  parsedStatements: Record<string, string | undefined>;
  submittedNamedStatements: Record<string, string | undefined>;
  bind(statement: { statement: string; values: string[] }): void;
  execute(portal: { portal: string }): void;
}

interface Internals {
  prepare(connection: Connection): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}
const base = pg.Query.prototype as unknown as Internals;

/**
 * A statement that first sets its scope, both before one Sync: until then PostgreSQL holds them in one transaction
 * (https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING). BEGIN and COMMIT around it were
 * measured to cost PostgreSQL and us half as much again as the statement.
 */
class ScopedRead extends pg.Query {
  private isScoped = false;

  constructor(
    query: Query,
    private readonly scope: string[],
  ) {
    super(query);
  }

  prepare(connection: Connection): void {
    connection.bind({ statement: SET_SCOPE.name, values: this.scope });
    connection.execute({ portal: '' });
    base.prepare.call(this, connection);
  }

  handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.isScoped) base.handleCommandComplete.call(this, message, connection);
    this.isScoped = true;
  }
}

/** Lookups on one connection at once: more go to a second one, which PostgreSQL serves beside it. */
const TOGETHER = 16;

interface Waiting {
  query: Query;
  scope: Scope;
  /** Of performance.now(). */
  since: number;
  resolve: (rows: unknown[]) => void;
  reject: (error: unknown) => void;
}

/** Sends lookups together: those of one turn of the event loop, and those that come while these wait for a connection. */
export class Lookups {
  private waiting: Waiting[] = [];
  /** Connections that were asked for and have not come yet. */
  private asked = 0;
  private isDue = false;

  constructor(private readonly dataSource: DataSource) {}

  read(query: Query, scope: Scope): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ query, scope, since: performance.now(), resolve, reject });
      if (this.isDue) return;
      this.isDue = true;
      setImmediate(() => {
        this.isDue = false;
        this.ask();
      });
    });
  }

  private ask(): void {
    while (this.asked * TOGETHER < this.waiting.length) void this.send();
  }

  private async send(): Promise<void> {
    this.asked += 1;
    const askedAt = performance.now();
    let some: Waiting[] | undefined;
    const take = (most: number): Waiting[] => {
      this.asked -= 1;
      return (some = this.waiting.splice(0, most));
    };
    try {
      await borrowed(this.dataSource, (client) => together(client, take(TOGETHER)));
    } catch (error) {
      // Where there was no connection; the others know already. Who came later has a wait of its own.
      const late = this.waiting.slice(0, TOGETHER).filter(({ since }) => since <= askedAt).length;
      for (const { reject } of some ?? take(late)) reject(error);
      this.ask();
    }
  }
}

/** Answers each; rejects as one of them did, for the connection's sake. */
async function together(client: PoolClient, some: Waiting[]): Promise<void> {
  const reads = corked(client, () =>
    some.map(({ query, scope, resolve, reject }) => {
      const read = scopedRead(client, query, scope);
      read.then(resolve, reject);
      return read;
    }),
  );
  const failed = (await Promise.allSettled(reads)).find((read) => read.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Rows of a named statement that sees only its scope. */
export async function scopedRead(
  client: PoolClient,
  query: Query,
  { projectId, everywhere }: Scope,
): Promise<unknown[]> {
  const scope = [projectId, everywhere ? 'on' : 'off'];
  const { connection } = client as unknown as { connection: Connection };
  const { parsedStatements, submittedNamedStatements } = connection;
  const isKnown = SET_SCOPE.name in parsedStatements || SET_SCOPE.name in submittedNamedStatements;
  // Apart from the read: pg takes each statement that was parsed for that of the query at hand.
  const made = isKnown ? null : client.query({ ...SET_SCOPE, values: scope });
  const read = new Promise<unknown[]>((resolve, reject) => {
    const callback = (error: Error | null, result: QueryArrayResult): void => {
      if (error) reject(error);
      else resolve(result.rows);
    };
    client.query(Object.assign(new ScopedRead(query, scope), { callback }));
  });
  const [rows] = await Promise.all([read, made]);
  return rows;
}

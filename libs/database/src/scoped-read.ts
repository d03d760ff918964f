import pg, { type PoolClient, type QueryArrayResult } from 'pg';
import type { Query } from './connection.js';

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

import type { PoolClient } from 'pg';
import { pipelined, type Query } from './connection.js';

/** The statements of one transaction on their way: what nobody waits for shares the round trip of what comes next. */
export class Pipe {
  private held: Query[];
  private flushed: Promise<unknown> = Promise.resolve();

  /** @param opening begins the transaction */
  constructor(
    private readonly client: PoolClient,
    opening: Query,
  ) {
    this.held = [opening];
  }

  /** Keeps a statement for the next round trip. */
  hold(query: Query): void {
    this.held.push(query);
  }

  /** Sends what is held and these; the rows of these. The first fault of any rejects. */
  async send(...queries: Query[]): Promise<unknown[][]> {
    const held = this.held;
    this.held = [];
    const [, rows] = await Promise.all([this.flushed, pipelined(this.client, [...held, ...queries])]);
    return rows.slice(held.length);
  }

  /** Sends what is held, before statements that do not come through here; its fault is that of the next `send`. */
  flush(): void {
    if (this.held.length === 0) return;
    this.flushed = this.send();
    this.flushed.catch(() => undefined);
  }
}

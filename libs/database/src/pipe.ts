import type { PoolClient } from 'pg';
import { pipelined, type Query } from './connection.js';

/** The statements of one transaction on their way: what nobody waits for shares the round trip of what comes next. */
export class Pipe {
  private held: Query[] = [];
  private client: Promise<PoolClient> | undefined;
  private flushed: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  /**
   * @param connect gives the connection, once it is needed
   * @param opening goes out before all else
   */
  constructor(
    private readonly connect: () => Promise<PoolClient>,
    private readonly opening: Query[],
  ) {}

  /** Keeps a statement for the next round trip. */
  hold(query: Query): void {
    this.held.push(query);
  }

  /** Sends what is held and these; the rows of these. The first fault of any rejects. */
  async send(...queries: Query[]): Promise<unknown[][]> {
    const held = this.held.splice(0);
    const client = await this.connected();
    const before = [...this.opening.splice(0), ...held];
    const [, rows] = await Promise.all([this.flushed, pipelined(client, [...before, ...queries])]);
    return rows.slice(before.length);
  }

  /** Sends what is held, before statements that do not come through here; its fault is that of the next `send`. */
  async flush(): Promise<void> {
    const client = await this.connected();
    const before = [...this.opening.splice(0), ...this.held.splice(0)];
    if (before.length === 0) return;
    this.flushed = Promise.all([this.flushed, pipelined(client, before)]);
    this.flushed.catch(() => undefined);
  }

  /** All that the transaction is, where nothing of it has gone out yet; else null. Nothing may come after it. */
  takeWhole(): Query[] | null {
    if (this.client) return null;
    this.close();
    return [...this.opening, ...this.held];
  }

  /** Nothing goes out any more, also nothing that still waits for the connection: that has gone back to its pool. */
  close(): void {
    this.isClosed = true;
  }

  private async connected(): Promise<PoolClient> {
    this.demandOpen();
    const client = await (this.client ??= this.connect());
    // It may have ended meanwhile.
    this.demandOpen();
    return client;
  }

  private demandOpen(): void {
    if (this.isClosed) throw new Error('The transaction has ended.');
  }
}

import pg, { type PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { borrowed, corked } from './connection.js';

/** Sends all that it has to say to a connection at once; others may send theirs right behind it. */
type Send<T> = (client: PoolClient) => Promise<T>;

interface Waiting {
  send: Send<unknown>;
  /** Of performance.now(). */
  since: number;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends together what needs no connection to itself: what comes in one turn of the event loop, and what comes while that
 * waits for a connection. It shares a round trip, and PostgreSQL does one after the other.
 */
export class SharedConnections {
  private waiting: Waiting[] = [];
  /** Connections that were asked for and have not come yet. */
  private asked = 0;
  private isDue = false;

  /** @param together how many share a connection at once: more go to a second one, which PostgreSQL serves beside it */
  constructor(
    private readonly dataSource: DataSource,
    private readonly together: number,
  ) {}

  send<T>(send: Send<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const one = { send, since: performance.now(), resolve, reject };
      this.waiting.push(one as Waiting);
      if (this.isDue) return;
      this.isDue = true;
      setImmediate(() => {
        this.isDue = false;
        this.ask();
      });
    });
  }

  private ask(): void {
    while (this.asked * this.together < this.waiting.length) void this.sendSome();
  }

  private async sendSome(): Promise<void> {
    this.asked += 1;
    const askedAt = performance.now();
    let some: Waiting[] | undefined;
    const take = (most: number): Waiting[] => {
      this.asked -= 1;
      return (some = this.waiting.splice(0, most));
    };
    try {
      await borrowed(this.dataSource, (client) => sendAll(client, take(this.together)));
    } catch (error) {
      // Where there was no connection; the others know already. Who came later has a wait of its own.
      const late = this.waiting.slice(0, this.together).filter(({ since }) => since <= askedAt).length;
      for (const { reject } of some ?? take(late)) reject(error);
      this.ask();
    }
  }
}

/** Answers each; rejects as one of them did, for the connection's sake: rather with a fault of it than of a statement. */
async function sendAll(client: PoolClient, some: Waiting[]): Promise<void> {
  const answers = corked(client, () =>
    some.map(({ send, resolve, reject }) => {
      const answer = send(client);
      answer.then(resolve, reject);
      return answer;
    }),
  );
  const failed = (await Promise.allSettled(answers)).filter((answer) => answer.status === 'rejected');
  const worst = failed.find(({ reason }) => !(reason instanceof pg.DatabaseError)) ?? failed[0];
  if (worst) throw worst.reason;
}

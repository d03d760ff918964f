import { setTimeout as sleep } from 'node:timers/promises';
import { Client, fetch as fetchVia } from 'undici';
import type { Api } from './api.js';

/** How often readiness is asked for. */
const ASK_MS = 50;

/** A load balancer as the tests need one: asks each gateway's readiness and gives requests to the ready ones in turn. */
export class Balancer {
  private ready: string[] = [];
  private turn = 0;
  private running = true;
  private readonly asking: Promise<void>;

  /** @param gateways addresses, asked for before each round */
  constructor(private readonly gateways: () => string[]) {
    this.asking = this.ask();
  }

  /** The gateway whose turn it is. */
  next(): string {
    this.turn += 1;
    const url = this.ready[this.turn % this.ready.length];
    if (url === undefined) throw new Error('No gateway is ready.');
    return url;
  }

  /** Resolved when exactly so many gateways are ready. */
  async until(count: number): Promise<void> {
    while (this.ready.length !== count) await sleep(ASK_MS / 5);
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.asking;
  }

  private async ask(): Promise<void> {
    while (this.running) {
      const urls = this.gateways();
      const answers = await Promise.all(
        urls.map((url) => fetch(`${url}/health/ready`, { headers: { connection: 'close' } }).catch(() => null)),
      );
      this.ready = urls.filter((_, index) => answers[index]?.ok);
      await sleep(ASK_MS);
    }
  }
}

/** A keep-alive connection through the balancer: it stays with its gateway until that says `Connection: close`. */
export class Connection {
  private client: Client | null = null;
  private url = '';

  constructor(
    private readonly balancer: Balancer,
    private readonly user: Api,
  ) {}

  get isOpen(): boolean {
    return this.client !== null;
  }

  /** The API over this connection. */
  api(): Api {
    const client = this.client ?? this.open();
    return this.user.at(this.url, async (url, options) => {
      const answer = await fetchVia(url, { ...options, dispatcher: client });
      if (answer.headers.get('connection') === 'close') this.leave(client);
      return answer;
    });
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = null;
    await client?.destroy();
  }

  private open(): Client {
    this.url = this.balancer.next();
    const client = new Client(this.url);
    client.on('disconnect', () => {
      this.leave(client);
    });
    this.client = client;
    return client;
  }

  private leave(client: Client): void {
    if (this.client === client) this.client = null;
  }
}

import { randomUUID } from 'node:crypto';
import {
  type EventEnvelope,
  type Headers,
  infrastructureFault,
  type Log,
  publishing,
  type Wire,
} from '@qa-pms/platform';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { borrowed } from './connection.js';
import type { OutboxRow } from './database.js';

/** Rows claimed at once. */
const BATCH = 500;
/** Rows that may be on their way at once, where the wire takes several batches. */
const IN_FLIGHT = 2_000;
/**
 * Seconds that a claim holds, renewed while its owner lives. Rows of a crash wait this long, and whoever asks for times
 * after a change waits for 2 s. Where an owner stalls for longer, events come twice: inboxes know them.
 */
const LEASE_S = 1;
/** Rows of other instances, or of a crash, are found by asking this often. */
const POLL_MS = 500;

interface ClaimedRow extends OutboxRow {
  sequence: string;
}

/**
 * Publishes the rows of an outbox, in the order of each key. Several instances may do so at once: a row is claimed only
 * when no older one of its key is unclaimed or leased elsewhere, and a claim is fenced by its owner.
 */
export class OutboxRelay {
  private readonly owner = randomUUID();
  private readonly inFlight = new Map<string, Promise<void>>();
  /** Published, and not yet deleted. */
  private readonly delivered = new Set<string>();
  private running: Promise<void> | null = null;
  private renewal: NodeJS.Timeout | undefined;
  private stopped = false;
  private woken = false;
  private wakeUp: () => void = () => undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: string,
    private readonly service: string,
    private readonly wire: Wire,
    private readonly log: Log,
  ) {}

  start(): void {
    this.running ??= this.loop();
    this.renewal = setInterval(() => void this.renew(), (LEASE_S * 1_000) / 3).unref();
  }

  /** A transaction has committed rows: they are looked for at once. */
  wake(): void {
    this.woken = true;
    this.wakeUp();
  }

  /** Publishes what is there, waits for what is on its way, and gives back what it could not finish. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.wake();
    clearInterval(this.renewal);
    await this.running;
  }

  private async loop(): Promise<void> {
    let healthy = true;
    for (;;) {
      const last = this.stopped;
      try {
        this.woken = false;
        const claimed = await this.round();
        if (!healthy) this.log.info({}, 'outbox is relayed again');
        healthy = true;
        if (claimed === BATCH) continue;
      } catch (error) {
        if (healthy) this.log.warn({ err: infrastructureFault(error) ?? error }, 'outbox waits');
        healthy = false;
        if (!last) await this.rest(Math.min(POLL_MS, 200));
      }
      if (last) break;
      if (!this.woken) await this.rest(POLL_MS);
    }
    await Promise.race([Promise.allSettled(this.inFlight.values()), sleep(5_000, undefined, { ref: false })]);
    await this.removeDelivered().catch(() => undefined);
    await this.giveBack([...this.inFlight.keys()]).catch(() => undefined);
  }

  /** One claim and its publication; returns how many rows were claimed. */
  private async round(): Promise<number> {
    await this.removeDelivered();
    if (this.inFlight.size >= IN_FLIGHT) {
      await Promise.race(this.inFlight.values());
      return 0;
    }
    const claimed = await this.claim();
    // Where the pool was too busy to renew a lease in time, our own rows are found again.
    const rows = claimed.filter(({ sequence }) => !this.inFlight.has(sequence) && !this.delivered.has(sequence));
    if (rows.length === 0) return claimed.length;
    const failed: string[] = [];
    const publications = publishing(this.service, rows.map(toEnvelope), (events) => this.wire.publish(events));
    const sent = publications.map((published, index) => {
      const { sequence } = rows[index] as ClaimedRow;
      const settled = published.then(
        () => {
          this.delivered.add(sequence);
          this.inFlight.delete(sequence);
          this.wake();
        },
        () => {
          failed.push(sequence);
          this.inFlight.delete(sequence);
        },
      );
      this.inFlight.set(sequence, settled);
      return settled;
    });
    // Over a broker one batch at a time: a later one must not overtake one that failed.
    if (this.wire.publishesInOrder) {
      void Promise.all(sent).then(() => (failed.length > 0 ? this.giveBack(failed).catch(() => undefined) : undefined));
      return claimed.length;
    }
    await Promise.all(sent);
    await this.removeDelivered();
    if (failed.length > 0) {
      await this.giveBack(failed);
      throw new Error('The broker did not take the events.');
    }
    return claimed.length;
  }

  private async claim(): Promise<ClaimedRow[]> {
    const rows = await this.query<ClaimedRow>(
      `WITH free AS MATERIALIZED (
         SELECT sequence, key FROM ${this.schema}.outbox_messages
         WHERE leased_until IS NULL OR leased_until < now()
         ORDER BY sequence LIMIT ${String(BATCH)} FOR UPDATE SKIP LOCKED
       )
       UPDATE ${this.schema}.outbox_messages AS row SET lease_owner = $1, leased_until = now() + interval '${String(LEASE_S)} s'
       FROM free
       WHERE row.sequence = free.sequence AND NOT EXISTS (
         SELECT FROM ${this.schema}.outbox_messages AS older
         WHERE older.key = free.key AND older.sequence < free.sequence
           AND NOT EXISTS (SELECT FROM free AS mine WHERE mine.sequence = older.sequence)
           AND (older.lease_owner IS DISTINCT FROM $1 OR older.leased_until < now())
       )
       RETURNING row.sequence, row.id, row.topic, row.key, row.headers, row.body`,
      [this.owner],
    );
    return rows.sort((one, other) => Number(BigInt(one.sequence) - BigInt(other.sequence)));
  }

  private async removeDelivered(): Promise<void> {
    if (this.delivered.size === 0) return;
    const sequences = [...this.delivered];
    await this.query(
      `DELETE FROM ${this.schema}.outbox_messages WHERE sequence = ANY($1::bigint[]) AND lease_owner = $2`,
      [sequences, this.owner],
    );
    for (const sequence of sequences) this.delivered.delete(sequence);
  }

  private async giveBack(sequences: string[]): Promise<void> {
    if (sequences.length === 0) return;
    await this.query(
      `UPDATE ${this.schema}.outbox_messages SET lease_owner = NULL, leased_until = NULL
       WHERE sequence = ANY($1::bigint[]) AND lease_owner = $2`,
      [sequences, this.owner],
    );
  }

  private async renew(): Promise<void> {
    const sequences = [...this.inFlight.keys()];
    if (sequences.length === 0) return;
    await this.query(
      `UPDATE ${this.schema}.outbox_messages SET leased_until = now() + interval '${String(LEASE_S)} s'
       WHERE sequence = ANY($1::bigint[]) AND lease_owner = $2`,
      [sequences, this.owner],
    ).catch(() => undefined);
  }

  /** Planned each time (0.2 ms): a plan kept from when the outbox was empty reads the whole of a full one. */
  private query<Row>(text: string, values: unknown[]): Promise<Row[]> {
    return borrowed(this.dataSource, async (client) => (await client.query(text, values)).rows as Row[]);
  }

  private rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function toEnvelope(row: OutboxRow): EventEnvelope {
  return { topic: row.topic, key: row.key, headers: JSON.parse(row.headers) as Headers, body: row.body };
}

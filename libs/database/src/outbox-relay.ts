import { randomUUID } from 'node:crypto';
import { AppError } from '@qa-pms/contracts';
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
import { borrowed, corked, type Query } from './connection.js';
import { BATCH, BATCH_BYTES, type ClaimedRow, claiming, LEASE_S } from './outbox-claim.js';

/** Rows that may be on their way at once, where the wire takes several batches: 50 are handled at once, the rest waits. */
const IN_FLIGHT = 2_000;
const IN_FLIGHT_BYTES = 4 * BATCH_BYTES;
/** A lease so old is renewed, looked for as often: most events arrive within milliseconds. */
const RENEWED_MS = 250;
/** Rows of other instances, or of a crash, are found by asking this often. */
const POLL_MS = 500;
/** What is published is deleted with the next claim, or after so long without one. */
const TIDY_MS = 20;
/** What a wire does not take for its size is offered again so often: somebody may have raised the limit. */
const REFUSED_MS = 30_000;

interface OnItsWay {
  settled: Promise<void>;
  /** When its lease was last taken, of performance.now(). */
  leasedAt: number;
  bytes: number;
}

/**
 * Publishes the rows of an outbox, in the order of each key. Several instances may do so at once: a row is claimed only
 * when no older one of its key is unclaimed or leased elsewhere, and a claim is fenced by its owner.
 */
export class OutboxRelay {
  private readonly owner = randomUUID();
  private readonly inFlight = new Map<string, OnItsWay>();
  private inFlightBytes = 0;
  /** Published, and not yet deleted. */
  private readonly delivered = new Set<string>();
  /** Keys with an event that the wire takes never, as far as is known: passed over, and tried again now and then. */
  private readonly refusedKeys = new Set<string>();
  private running: Promise<void> | null = null;
  private retrial: NodeJS.Timeout | undefined;
  private renewal: NodeJS.Timeout | undefined;
  private renewing = false;
  /** Too much is on its way for another batch. */
  private isFull = false;
  /** Events were not taken: to claim more at once would only turn in a circle. */
  private refused = false;
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
    this.renewal = setInterval(() => void this.renew(), RENEWED_MS).unref();
    this.retrial = setInterval(() => {
      this.refusedKeys.clear();
    }, REFUSED_MS).unref();
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
    await this.running;
    clearInterval(this.renewal);
    clearInterval(this.retrial);
  }

  private async loop(): Promise<void> {
    let healthy = true;
    for (;;) {
      const last = this.stopped;
      try {
        this.woken = false;
        const isMore = await this.round();
        if (!healthy) this.log.info({}, 'outbox is relayed again');
        healthy = true;
        if (isMore && !this.refused) continue;
        if (!last) await this.pause();
        this.refused = false;
      } catch (error) {
        if (healthy) this.log.warn({ err: infrastructureFault(error) ?? error }, 'outbox waits');
        healthy = false;
        if (!last) await this.rest(Math.min(POLL_MS, 200));
      }
      if (last) break;
    }
    const ends = [...this.inFlight.values()].map(({ settled }) => settled);
    await Promise.race([Promise.allSettled(ends), sleep(5_000, undefined, { ref: false })]);
    await this.removeDelivered().catch(() => undefined);
    await this.giveBack([...this.inFlight.keys()]).catch(() => undefined);
  }

  /** One claim and its publication; whether there may be more to claim. */
  private async round(): Promise<boolean> {
    this.isFull = !this.hasRoom();
    if (this.isFull) {
      await this.removeDelivered();
      return false;
    }
    const leasedAt = performance.now();
    const claimed = await this.claim();
    const isMore = claimed.length === BATCH || claimed.reduce((sum, { bytes }) => sum + bytes, 0) >= BATCH_BYTES;
    // Where the pool was too busy to renew a lease in time, our own rows are found again.
    const rows = claimed.filter(({ sequence }) => !this.inFlight.has(sequence) && !this.delivered.has(sequence));
    if (rows.length === 0) return isMore;
    const failed: string[] = [];
    const publications = publishing(this.service, rows.map(toEnvelope), (events) => this.wire.publish(events));
    const sent = publications.map((published, index) => {
      const { sequence, key, bytes } = rows[index] as ClaimedRow;
      const settled = published.then(
        () => {
          this.delivered.add(sequence);
          this.arrived(sequence);
        },
        (error: unknown) => {
          failed.push(sequence);
          // It would be the first to be claimed for ever, with all that came after it.
          if (error instanceof AppError && error.code === 'CONTENT_TOO_LARGE') this.refusedKeys.add(key);
          this.refused = true;
          this.arrived(sequence);
        },
      );
      this.inFlight.set(sequence, { settled, leasedAt, bytes });
      this.inFlightBytes += bytes;
      return settled;
    });
    // Over a broker one batch at a time: a later one must not overtake one that failed.
    if (this.wire.publishesInOrder) {
      void Promise.all(sent).then(() => (failed.length > 0 ? this.giveBack(failed).catch(() => undefined) : undefined));
      return isMore;
    }
    await Promise.all(sent);
    if (failed.length > 0) {
      await this.giveBack(failed);
      throw new Error('The broker did not take the events.');
    }
    return isMore;
  }

  private arrived(sequence: string): void {
    this.inFlightBytes -= this.inFlight.get(sequence)?.bytes ?? 0;
    this.inFlight.delete(sequence);
    if (this.isFull && this.hasRoom()) this.wake();
  }

  private hasRoom(): boolean {
    return this.inFlight.size <= IN_FLIGHT - BATCH && this.inFlightBytes <= IN_FLIGHT_BYTES - BATCH_BYTES;
  }

  /** Deletes what is published and claims what is free, in one round trip. */
  private claim(): Promise<ClaimedRow[]> {
    const sequences = [...this.delivered];
    const held = [...this.inFlight.keys(), ...sequences];
    return borrowed(this.dataSource, async (client) => {
      const [claimed, deleting] = corked(client, () => {
        // What cannot be deleted now is left to the next time.
        const removal = sequences.length === 0 ? null : client.query(this.deletion(sequences));
        const removed = removal?.then(() => this.forget(sequences)).catch(() => undefined);
        return [client.query<ClaimedRow>(claiming(this.schema, this.owner, held, [...this.refusedKeys])), removed];
      });
      const { rows } = await claimed;
      await deleting;
      return rows.sort((one, other) => Number(BigInt(one.sequence) - BigInt(other.sequence)));
    });
  }

  private deletion(sequences: string[]): Query {
    const text = `DELETE FROM ${this.schema}.outbox_messages WHERE sequence = ANY($1::bigint[]) AND lease_owner = $2`;
    return { text, values: [sequences, this.owner] };
  }

  private async removeDelivered(): Promise<void> {
    if (this.delivered.size === 0) return;
    const sequences = [...this.delivered];
    await this.send(this.deletion(sequences));
    this.forget(sequences);
  }

  private forget(sequences: string[]): void {
    for (const sequence of sequences) this.delivered.delete(sequence);
  }

  private async giveBack(sequences: string[]): Promise<void> {
    if (sequences.length === 0) return;
    await this.send({
      text: `UPDATE ${this.schema}.outbox_messages SET lease_owner = NULL, leased_until = NULL
             WHERE sequence = ANY($1::bigint[]) AND lease_owner = $2`,
      values: [sequences, this.owner],
    });
  }

  /** One at a time: where the database is slow, renewals would take all connections of the pool. */
  private async renew(): Promise<void> {
    if (this.renewing || this.oldLeases().length === 0) return;
    this.renewing = true;
    try {
      await borrowed(this.dataSource, async (client) => {
        const [now, old] = [performance.now(), this.oldLeases()];
        // What arrives meanwhile is deleted on another connection, in an order of its own: it is not waited for.
        const text = `
          UPDATE ${this.schema}.outbox_messages SET leased_until = now() + interval '${String(LEASE_S)} s'
          WHERE sequence = ANY (ARRAY(
            SELECT sequence FROM ${this.schema}.outbox_messages
            WHERE sequence = ANY ($1::bigint[]) AND lease_owner = $2 FOR UPDATE SKIP LOCKED))`;
        const values = [old.map(([sequence]) => sequence), this.owner];
        await client.query({ text, values, query_timeout: LEASE_S * 1_000 } as Query);
        for (const [, one] of old) one.leasedAt = now;
      });
    } catch {
      // The next one tries again; what others claim meanwhile comes twice, and inboxes know it.
    } finally {
      this.renewing = false;
    }
  }

  private oldLeases(): [string, OnItsWay][] {
    const latest = performance.now() - RENEWED_MS;
    return [...this.inFlight].filter(([, { leasedAt }]) => leasedAt <= latest);
  }

  private send(query: Query): Promise<unknown> {
    return borrowed(this.dataSource, (client) => client.query(query));
  }

  /** Until somebody wakes it, or it is time to ask again; what is published meanwhile is deleted. */
  private async pause(): Promise<void> {
    const end = performance.now() + POLL_MS;
    for (let left = POLL_MS; left > 0 && !this.woken; left = end - performance.now()) {
      const isBusy = this.inFlight.size > 0 || this.delivered.size > 0;
      if (await this.rest(isBusy ? Math.min(left, TIDY_MS) : left)) return;
      await this.removeDelivered();
    }
  }

  /** Whether it was woken. */
  private rest(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

function toEnvelope(row: ClaimedRow): EventEnvelope {
  return { topic: row.topic, key: row.key, headers: JSON.parse(row.headers) as Headers, body: row.body };
}

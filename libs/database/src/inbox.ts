import type { DataSource } from 'typeorm';

/** Longer than Kafka keeps an event (7 days): nothing older can be delivered again. */
const EVENT_DAYS = 8;
/** As long as a reply to an `Idempotency-Key` is promised to be kept: a request with the same key after that is a new one. */
const KEY_HOURS = 24;

/**
 * Forgets messages that cannot come again. A command without a key may come as long as the event that makes its sender
 * send it.
 */
export async function cleanUpInbox(dataSource: DataSource, schema: string): Promise<void> {
  const forget = (what: string): Promise<unknown> =>
    dataSource.query(`DELETE FROM ${schema}.inbox_messages WHERE received_at < now() - interval '${what}`);
  await forget(`${String(EVENT_DAYS)} days'`);
  await forget(`${String(KEY_HOURS)} hours' AND body_hash IS NOT NULL`);
}

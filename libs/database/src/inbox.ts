import type { DataSource } from 'typeorm';

/** Longer than Kafka keeps an event (7 days): nothing older can be delivered again. */
const EVENT_DAYS = 8;
/**
 * As long as the reply to an `Idempotency-Key` is promised to be kept; with the same key a request after that is a new
 * one. A command that is delivered again has expired long before and is dropped unseen.
 */
const COMMAND_HOURS = 24;

/** Forgets messages that cannot come again. Only commands have a reply. */
export async function cleanUpInbox(dataSource: DataSource, schema: string): Promise<void> {
  await dataSource.query(`
    DELETE FROM ${schema}.inbox_messages
     WHERE received_at < now() - interval '${String(EVENT_DAYS)} days'
        OR (reply IS NOT NULL AND received_at < now() - interval '${String(COMMAND_HOURS)} hours')`);
}

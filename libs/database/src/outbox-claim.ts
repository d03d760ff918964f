import type { Query } from './connection.js';
import type { OutboxRow } from './outbox.js';

/** Rows claimed at once. */
export const BATCH = 500;
/** Bytes claimed at once, and at least a row: an event has up to 3 MiB. */
export const BATCH_BYTES = 16 * 1024 * 1024;
/**
 * Seconds that a claim holds, renewed while its owner lives. Rows of a crash wait this long, and whoever asks for times
 * after a change waits for 2 s. Where an owner stalls for longer, events come twice: inboxes know them.
 */
export const LEASE_S = 1;

/** A row of an outbox that is leased to whoever claimed it. */
export interface ClaimedRow extends OutboxRow {
  sequence: string;
  /** Of its body. */
  bytes: number;
}

/**
 * Of each key what stands before the first row that is neither free nor on the owner's hands, which `held` tells. A row
 * may be leased to the owner and be nowhere: where the answer to its claim was lost. Planned each time (0.2 ms): a plan
 * kept from when the outbox was empty reads the whole of a full one. A join with `free`, whose size is not known, would
 * read the whole as well, and what is dead in it: 1.3 ms a claim were measured. octet_length() reads no text that is
 * stored apart.
 */
export function claiming(schema: string, owner: string, held: string[], passedOver: string[]): Query {
  const outbox = `${schema}.outbox_messages`;
  return {
    text: `
      WITH free AS MATERIALIZED (
        SELECT sequence, key, octet_length(body) AS bytes FROM ${outbox}
        WHERE (leased_until IS NULL OR leased_until < now()) AND key <> ALL ($3::text[])
        ORDER BY sequence LIMIT ${String(BATCH)} FOR UPDATE SKIP LOCKED
      ), keys AS (
        SELECT key, (
          SELECT min(other.sequence) FROM ${outbox} AS other
          WHERE other.key = free.key AND other.sequence < max(free.sequence)
            AND NOT coalesce(other.lease_owner = $1 AND other.leased_until >= now() AND other.sequence = ANY ($2::bigint[]), false)
            AND other.sequence NOT IN (SELECT sequence FROM free)
        ) AS taken FROM free GROUP BY key
      ), due AS (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before FROM free JOIN keys USING (key)
        WHERE taken IS NULL OR sequence < taken
      )
      UPDATE ${outbox} SET lease_owner = $1, leased_until = now() + interval '${String(LEASE_S)} s'
      WHERE sequence = ANY (ARRAY(SELECT sequence FROM due WHERE before < ${String(BATCH_BYTES)}))
      RETURNING sequence, id, topic, key, headers, body, octet_length(body) AS bytes`,
    values: [owner, held, passedOver],
  };
}

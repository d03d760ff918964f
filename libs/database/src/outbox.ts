import { type EventClass, keyOf, type ServiceName, wireName } from '@qa-pms/contracts';
import { currentContext, eventBody, eventHeaders, topicName } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import type { Query } from './connection.js';

/** An event that waits for its transaction to commit. */
export interface OutboxRow {
  id: string;
  topic: string;
  key: string;
  headers: string;
  body: string;
}

/** The row of an event of a service, with what the current message says of its cause. Throws what `eventBody` does. */
export function outboxRow<E extends EventClass>(
  topicPrefix: string,
  service: ServiceName,
  event: E,
  payload: InstanceType<E>,
): OutboxRow {
  const id = uuidv7();
  const { contract } = event;
  return {
    id,
    topic: topicName(topicPrefix, service, 'events'),
    key: keyOf(contract, payload) ?? id,
    headers: JSON.stringify(eventHeaders(wireName(contract), id, currentContext())),
    body: eventBody(event, payload),
  };
}

/** Statements that put rows into an outbox. The locks make the order of each key that of the commits. */
export function insertOutbox(schema: string, rows: OutboxRow[]): Query[] {
  const column = (pick: (row: OutboxRow) => string): string[] => rows.map(pick);
  return [
    {
      name: 'qa-outbox-lock',
      text: `SELECT pg_advisory_xact_lock(hashtextextended(key, 1)) FROM unnest($1::text[]) AS keys (key)`,
      values: [[...new Set(column((row) => row.key))].sort()],
    },
    {
      name: 'qa-outbox',
      text: `INSERT INTO ${schema}.outbox_messages (id, topic, key, headers, body)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])`,
      values: [
        column((row) => row.id),
        column((row) => row.topic),
        column((row) => row.key),
        column((row) => row.headers),
        column((row) => row.body),
      ],
    },
  ];
}

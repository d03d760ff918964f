import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { AnyClass } from './options.js';

/** Makes the clean-up of keys, after a day, leave alone the events of a week. Every service has it among its migrations. */
export function indexedKeys(schema: string): AnyClass {
  return class IndexedKeys1763800000000 implements MigrationInterface {
    name = 'IndexedKeys1763800000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(
        `CREATE INDEX idx_inbox_messages_keys ON ${schema}.inbox_messages (received_at) WHERE body_hash IS NOT NULL`,
      );
      await runner.query(
        `COMMENT ON INDEX ${schema}.idx_inbox_messages_keys IS 'Clean-up of replies to an Idempotency-Key.'`,
      );
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`DROP INDEX ${schema}.idx_inbox_messages_keys`);
    }
  };
}

/** The first migration of every service: its outbox, inbox and dead letters. */
export function messagingTables(schema: string): AnyClass {
  return class MessagingTables1763600000000 implements MigrationInterface {
    name = 'MessagingTables1763600000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(`
        CREATE TABLE ${schema}.outbox_messages (
          sequence bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_messages_pk PRIMARY KEY,
          id uuid NOT NULL,
          topic text NOT NULL,
          key text NOT NULL,
          headers text NOT NULL,
          body text NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now(),
          lease_owner uuid,
          leased_until timestamptz
        )`);
      // Rows live for milliseconds: without this the dead ones slow down every claim.
      await runner.query(`
        ALTER TABLE ${schema}.outbox_messages SET (
          autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, fillfactor = 70)`);
      await runner.query(`CREATE INDEX idx_outbox_messages_key ON ${schema}.outbox_messages (key, sequence)`);
      await this.comment(
        runner,
        'idx_outbox_messages_key',
        'Claim of the relay: is an older row of this key still waiting?',
      );
      await runner.query(`
        CREATE TABLE ${schema}.inbox_messages (
          message_id uuid NOT NULL CONSTRAINT inbox_messages_pk PRIMARY KEY,
          reply text,
          body_hash text,
          received_at timestamptz NOT NULL DEFAULT now()
        )`);
      await runner.query(`CREATE INDEX idx_inbox_messages_received_at ON ${schema}.inbox_messages (received_at)`);
      await this.comment(runner, 'idx_inbox_messages_received_at', 'Clean-up of what is older than any redelivery.');
      await runner.query(`
        CREATE TABLE ${schema}.dead_letters (
          sequence bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dead_letters_pk PRIMARY KEY,
          message_id uuid NOT NULL,
          topic text NOT NULL,
          key text NOT NULL,
          headers text NOT NULL,
          body text NOT NULL,
          error text,
          replay_requested_at timestamptz,
          created_at timestamptz NOT NULL DEFAULT now(),
          CONSTRAINT dead_letters_uq_topic_message_id UNIQUE (topic, message_id)
        )`);
      await runner.query(`CREATE INDEX idx_dead_letters_topic_key ON ${schema}.dead_letters (topic, key, sequence)`);
      await this.comment(runner, 'idx_dead_letters_topic_key', 'Is this key parked? Asked before every event.');
    }

    async down(runner: QueryRunner): Promise<void> {
      for (const table of ['dead_letters', 'inbox_messages', 'outbox_messages'])
        await runner.query(`DROP TABLE ${schema}.${table}`);
    }

    async comment(runner: QueryRunner, index: string, text: string): Promise<void> {
      await runner.query(`COMMENT ON INDEX ${schema}.${index} IS '${text}'`);
    }
  };
}

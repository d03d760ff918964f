import { projectScope } from '@qa-pms/database';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tickets as last fetched, how far each site was synced, and what is being written to Jira. */
export class CreateJira1763690000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE jira.tickets (
        id uuid NOT NULL,
        project_id uuid NOT NULL,
        site_url text NOT NULL,
        key text NOT NULL,
        jira_project_key text NOT NULL,
        key_number bigint NOT NULL,
        title text NOT NULL,
        type text NOT NULL,
        status text NOT NULL,
        jira_status text NOT NULL,
        urgency smallint NOT NULL,
        components text[] NOT NULL,
        assignee_id text,
        assignee_email text,
        search_text text NOT NULL,
        jira_updated_at timestamptz NOT NULL,
        detail jsonb NOT NULL,
        fetched_at timestamptz NOT NULL,
        CONSTRAINT tickets_pk_id PRIMARY KEY (id),
        CONSTRAINT tickets_uq_project_id_key UNIQUE (project_id, key)
      )`);
    // Serves the list in its default order: ListTickets without filters.
    await runner.query(
      'CREATE INDEX idx_tickets_project_id_jira_updated_at ON jira.tickets (project_id, jira_updated_at DESC)',
    );
    // Serves the list of one state: ListTickets with status.
    await runner.query(
      'CREATE INDEX idx_tickets_project_id_status ON jira.tickets (project_id, status, jira_updated_at DESC)',
    );
    // Serves the list of one person: ListTickets with assignee.
    await runner.query('CREATE INDEX idx_tickets_project_id_assignee_id ON jira.tickets (project_id, assignee_id)');

    await runner.query(`
      CREATE TABLE jira.connections (
        project_id uuid NOT NULL,
        site_url text NOT NULL,
        last_success_at timestamptz NOT NULL,
        CONSTRAINT connections_pk_project_id_site_url PRIMARY KEY (project_id, site_url)
      )`);

    await runner.query(`
      CREATE TABLE jira.writes (
        message_id text NOT NULL,
        project_id uuid NOT NULL,
        ticket_key text NOT NULL,
        target text,
        started_at timestamptz NOT NULL DEFAULT now(),
        done_at timestamptz,
        CONSTRAINT writes_pk_message_id PRIMARY KEY (message_id)
      )`);
    // Serves the clean-up of old rows.
    await runner.query('CREATE INDEX idx_writes_started_at ON jira.writes (started_at)');

    for (const table of ['tickets', 'connections', 'writes']) {
      for (const sql of projectScope('jira', table)) await runner.query(sql);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['writes', 'connections', 'tickets']) await runner.query(`DROP TABLE jira.${table}`);
  }
}

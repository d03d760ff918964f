import { projectScope } from '@qa-pms/database';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SEEDED_TEMPLATES } from '../templates/seeded-templates.js';

export class CreateWorkflow1763700000000 implements MigrationInterface {
  name = 'CreateWorkflow1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    // A seeded template stands once, without a project, for all of them; a project that changes it has a row of its own.
    await runner.query(`
      CREATE TABLE workflow.templates (
        id uuid NOT NULL,
        project_id uuid,
        name text NOT NULL,
        ticket_type text,
        description text NOT NULL,
        version integer NOT NULL,
        is_seeded boolean NOT NULL,
        steps jsonb NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        CONSTRAINT templates_uq_id_project_id_version UNIQUE NULLS NOT DISTINCT (id, project_id, version)
      )`);
    const mine = `project_id = nullif(current_setting('qa.project_id', true), '')::uuid`;
    await runner.query('ALTER TABLE workflow.templates ENABLE ROW LEVEL SECURITY');
    for (const { id, name, ticketType, description, steps } of SEEDED_TEMPLATES) {
      await runner.query(
        `INSERT INTO workflow.templates (id, name, ticket_type, description, version, is_seeded, steps) VALUES ($1, $2, $3, $4, 1, true, $5)`,
        [id, name, ticketType, description, JSON.stringify(steps)],
      );
    }
    await runner.query(
      `CREATE POLICY templates_read ON workflow.templates FOR SELECT USING (project_id IS NULL OR ${mine})`,
    );
    await runner.query(`CREATE POLICY templates_write ON workflow.templates USING (${mine}) WITH CHECK (${mine})`);
    await runner.query('ALTER TABLE workflow.templates FORCE ROW LEVEL SECURITY');

    await runner.query(`
      CREATE TABLE workflow.workflows (
        id uuid CONSTRAINT workflows_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        ticket_key text NOT NULL,
        ticket_title text NOT NULL,
        ticket_type text NOT NULL,
        template_id uuid NOT NULL,
        template_name text NOT NULL,
        template_version integer NOT NULL,
        user_id uuid NOT NULL,
        user_display_name text NOT NULL,
        status text NOT NULL CONSTRAINT workflows_ck_status CHECK (status IN ('active', 'paused', 'completed', 'cancelled')),
        current_step_index integer NOT NULL,
        steps jsonb NOT NULL,
        outcome text,
        started_at timestamptz NOT NULL,
        paused_at timestamptz,
        completed_at timestamptz,
        cancelled_at timestamptz,
        updated_at timestamptz NOT NULL,
        row_version integer NOT NULL
      )`);
    for (const sql of projectScope('workflow', 'workflows')) await runner.query(sql);
    await runner.query(`
      CREATE UNIQUE INDEX idx_workflows_open ON workflow.workflows (project_id, ticket_key, user_id) WHERE status IN ('active', 'paused')`);
    await runner.query(
      `COMMENT ON INDEX workflow.idx_workflows_open IS 'One open workflow a ticket and person; who is on a ticket.'`,
    );
    await runner.query(`CREATE INDEX idx_workflows_user ON workflow.workflows (project_id, user_id, started_at DESC)`);
    await runner.query(`COMMENT ON INDEX workflow.idx_workflows_user IS 'Lists of workflows, of one person or all.'`);

    await runner.query(`
      CREATE TABLE workflow.reports (
        id uuid CONSTRAINT reports_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        workflow_id uuid NOT NULL CONSTRAINT reports_fk_workflow_id REFERENCES workflow.workflows (id),
        ticket_key text NOT NULL,
        user_id uuid NOT NULL,
        status text NOT NULL CONSTRAINT reports_ck_status CHECK (status IN ('draft', 'final')),
        version integer NOT NULL,
        title text NOT NULL,
        content jsonb NOT NULL,
        notices jsonb NOT NULL DEFAULT '[]',
        generated_at timestamptz NOT NULL,
        finalised_at timestamptz,
        row_version integer NOT NULL DEFAULT 1,
        CONSTRAINT reports_uq_workflow_id_version UNIQUE (workflow_id, version)
      )`);
    for (const sql of projectScope('workflow', 'reports')) await runner.query(sql);
    await runner.query(`CREATE INDEX idx_reports_generated_at ON workflow.reports (project_id, generated_at DESC)`);
    await runner.query(`COMMENT ON INDEX workflow.idx_reports_generated_at IS 'Lists of reports, the latest first.'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['reports', 'workflows', 'templates']) await runner.query(`DROP TABLE workflow.${table}`);
  }
}

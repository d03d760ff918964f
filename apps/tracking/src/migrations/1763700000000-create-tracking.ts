import { projectScope } from '@qa-pms/database';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['tracked_workflows', 'time_sessions', 'corrections', 'step_times', 'gap_alerts', 'templates'];

const INDEXES: [definition: string, name: string, serves: string][] = [
  [
    'UNIQUE INDEX idx_time_sessions_workflow_id_open ON tracking.time_sessions (workflow_id) WHERE ended_at IS NULL',
    'idx_time_sessions_workflow_id_open',
    'At most one session of a workflow runs; the look for gap alerts over all that run.',
  ],
  [
    'INDEX idx_time_sessions_workflow_id ON tracking.time_sessions (workflow_id)',
    'idx_time_sessions_workflow_id',
    'All sessions of a workflow.',
  ],
  [
    'INDEX idx_corrections_session_id ON tracking.corrections (session_id)',
    'idx_corrections_session_id',
    'Corrections of a session.',
  ],
  [
    'INDEX idx_step_times_project_id_ended_at ON tracking.step_times (project_id, ended_at DESC, id DESC)',
    'idx_step_times_project_id_ended_at',
    'History of a project by page; averages and trend of a range.',
  ],
  [
    'INDEX idx_step_times_project_id_user_id ON tracking.step_times (project_id, user_id, ended_at DESC, id DESC)',
    'idx_step_times_project_id_user_id',
    'History, averages and trend of one person.',
  ],
  [
    'INDEX idx_step_times_project_id_template_id ON tracking.step_times (project_id, template_id, step_index, ended_at)',
    'idx_step_times_project_id_template_id',
    'Samples of the steps of a template for its estimates.',
  ],
  [
    'UNIQUE INDEX idx_gap_alerts_workflow_id ON tracking.gap_alerts (workflow_id, (COALESCE(step_index, -1)))',
    'idx_gap_alerts_workflow_id',
    'One alert per step, and one for the whole.',
  ],
  [
    'INDEX idx_gap_alerts_project_id ON tracking.gap_alerts (project_id, raised_at DESC, id DESC)',
    'idx_gap_alerts_project_id',
    'Alerts of a project by page.',
  ],
];

export class CreateTracking1763700000000 implements MigrationInterface {
  name = 'CreateTracking1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    await this.createWorkflows(runner);
    await this.createSessions(runner);
    await this.createRollUps(runner);
    for (const [definition, name, serves] of INDEXES) {
      await runner.query(`CREATE ${definition}`);
      await runner.query(`COMMENT ON INDEX tracking.${name} IS '${serves}'`);
    }
    for (const table of TENANT_TABLES) for (const sql of projectScope('tracking', table)) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['people', ...TENANT_TABLES.toReversed()]) await runner.query(`DROP TABLE tracking.${table}`);
    await runner.query('DROP FUNCTION tracking.refuse_change()');
  }

  private async createWorkflows(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE tracking.tracked_workflows (
        id uuid NOT NULL CONSTRAINT tracked_workflows_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        ticket_key text NOT NULL,
        ticket_type text NOT NULL,
        template_id uuid NOT NULL,
        template_name text NOT NULL,
        template_version integer NOT NULL,
        user_id uuid NOT NULL,
        status text NOT NULL,
        steps jsonb NOT NULL,
        row_version integer NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        paused_at timestamptz,
        paused_seconds integer NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE tracking.templates (
        project_id uuid NOT NULL,
        template_id uuid NOT NULL,
        version integer NOT NULL,
        steps jsonb NOT NULL,
        CONSTRAINT templates_pk PRIMARY KEY (project_id, template_id)
      )`);
    await runner.query(`
      CREATE TABLE tracking.people (
        user_id uuid NOT NULL CONSTRAINT people_pk PRIMARY KEY,
        time_zone text NOT NULL
      )`);
  }

  private async createSessions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE tracking.time_sessions (
        id uuid NOT NULL CONSTRAINT time_sessions_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        workflow_id uuid NOT NULL CONSTRAINT time_sessions_fk_workflow_id REFERENCES tracking.tracked_workflows (id),
        step_index integer NOT NULL,
        user_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        actions timestamptz[] NOT NULL,
        CONSTRAINT time_sessions_ck_ended_at CHECK (ended_at >= started_at)
      )`);
    await runner.query(`
      CREATE TABLE tracking.corrections (
        id uuid NOT NULL CONSTRAINT corrections_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        session_id uuid NOT NULL CONSTRAINT corrections_fk_session_id REFERENCES tracking.time_sessions (id),
        before_started_at timestamptz NOT NULL,
        before_ended_at timestamptz NOT NULL,
        after_started_at timestamptz NOT NULL,
        after_ended_at timestamptz NOT NULL,
        reason text NOT NULL,
        corrected_by uuid NOT NULL,
        corrected_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE FUNCTION tracking.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'corrections are append-only'; END $$`);
    await runner.query(`
      CREATE TRIGGER corrections_append_only BEFORE UPDATE OR DELETE ON tracking.corrections
        FOR EACH ROW EXECUTE FUNCTION tracking.refuse_change()`);
  }

  private async createRollUps(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE tracking.step_times (
        id uuid NOT NULL CONSTRAINT step_times_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        workflow_id uuid NOT NULL,
        ticket_key text NOT NULL,
        ticket_type text NOT NULL,
        template_id uuid NOT NULL,
        template_name text NOT NULL,
        step_index integer NOT NULL,
        step_name text NOT NULL,
        user_id uuid NOT NULL,
        status text NOT NULL,
        seconds integer NOT NULL,
        estimate_seconds integer NOT NULL,
        ended_at timestamptz NOT NULL,
        CONSTRAINT step_times_uq_workflow_id_step_index_user_id UNIQUE (workflow_id, step_index, user_id)
      )`);
    await runner.query(`
      CREATE TABLE tracking.gap_alerts (
        id uuid NOT NULL CONSTRAINT gap_alerts_pk PRIMARY KEY,
        project_id uuid NOT NULL,
        workflow_id uuid NOT NULL,
        ticket_key text NOT NULL,
        step_index integer,
        user_id uuid NOT NULL,
        ratio double precision NOT NULL,
        seconds_over integer NOT NULL,
        raised_at timestamptz NOT NULL,
        dismissed_at timestamptz,
        dismissed_by uuid
      )`);
  }
}

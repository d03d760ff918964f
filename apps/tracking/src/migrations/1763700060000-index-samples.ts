import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES: [definition: string, name: string, serves: string][] = [
  [
    `(project_id, template_id, step_index, step_name, ended_at DESC, workflow_id) INCLUDE (seconds) WHERE status = 'completed'`,
    'idx_step_times_samples',
    'The latest samples of a step, of everybody.',
  ],
  [
    `(project_id, template_id, step_index, step_name, user_id, ended_at DESC) INCLUDE (seconds) WHERE status = 'completed'`,
    'idx_step_times_samples_user_id',
    'The latest samples of a step, of one person.',
  ],
];

/** With the index before, estimates read the whole history of a project each time. */
export class IndexSamples1763700060000 implements MigrationInterface {
  name = 'IndexSamples1763700060000';

  async up(runner: QueryRunner): Promise<void> {
    for (const [definition, name, serves] of INDEXES) {
      await runner.query(`CREATE INDEX ${name} ON tracking.step_times ${definition}`);
      await runner.query(`COMMENT ON INDEX tracking.${name} IS '${serves}'`);
    }
    await runner.query('DROP INDEX tracking.idx_step_times_project_id_template_id');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX idx_step_times_project_id_template_id ON tracking.step_times (project_id, template_id, step_index, ended_at)',
    );
    for (const [, name] of INDEXES) await runner.query(`DROP INDEX tracking.${name}`);
  }
}

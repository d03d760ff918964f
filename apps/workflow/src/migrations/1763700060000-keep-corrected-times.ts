import type { MigrationInterface, QueryRunner } from 'typeorm';

export class KeepCorrectedTimes1763700060000 implements MigrationInterface {
  name = 'KeepCorrectedTimes1763700060000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workflow.reports ADD COLUMN corrected_time jsonb');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workflow.reports DROP COLUMN corrected_time');
  }
}

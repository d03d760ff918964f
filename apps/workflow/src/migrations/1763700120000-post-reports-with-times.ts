import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PostReportsWithTimes1763700120000 implements MigrationInterface {
  name = 'PostReportsWithTimes1763700120000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workflow.reports ADD COLUMN post_to_ticket boolean NOT NULL DEFAULT false');
    await runner.query(
      `COMMENT ON COLUMN workflow.reports.post_to_ticket IS 'To be posted to the ticket as soon as its times are in.'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workflow.reports DROP COLUMN post_to_ticket');
  }
}

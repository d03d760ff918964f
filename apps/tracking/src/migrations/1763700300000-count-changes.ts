import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Changes of a workflow's time are written without a lock, where none came in between: see `nextVersion`. The first of them
 * is 1, also of a row that an older version has made.
 */
export class CountChanges1763700300000 implements MigrationInterface {
  name = 'CountChanges1763700300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tracking.tracked_workflows ADD COLUMN changes integer NOT NULL DEFAULT 1');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tracking.tracked_workflows DROP COLUMN changes');
  }
}

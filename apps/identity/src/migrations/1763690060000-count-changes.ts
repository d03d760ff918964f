import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['users', 'projects'];

/** What exists begins at 1. */
export class CountChanges1763690060000 implements MigrationInterface {
  name = 'CountChanges1763690060000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES)
      await runner.query(`ALTER TABLE identity.${table} ADD COLUMN row_version integer NOT NULL DEFAULT 1`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE identity.${table} DROP COLUMN row_version`);
  }
}

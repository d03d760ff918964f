import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For writes of what was read without a lock; see versions.ts. Code of 40001: serialisation failure. */
export class TellOfChangesSince1763700240000 implements MigrationInterface {
  name = 'TellOfChangesSince1763700240000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION workflow.changed_since(row_id uuid) RETURNS integer LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'row % has changed since it was read', row_id USING ERRCODE = '40001';
      END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION workflow.changed_since(uuid)');
  }
}

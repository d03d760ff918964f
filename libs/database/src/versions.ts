import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { AnyClass } from './options.js';

/**
 * What an UPDATE sets a counter of changes to: the number of parameter `$place`, where the row still has the one before it.
 * Else somebody has changed the row since it was read: the function fails with a serialisation failure, and the whole
 * transaction, with what it reads, is tried anew. The schema needs the migration `changedSince`.
 */
export function nextVersion(schema: string, column: string, place: number): string {
  const version = `$${String(place)}::integer`;
  return `CASE ${column} WHEN ${version} - 1 THEN ${version} ELSE ${schema}.changed_since() END`;
}

/** The migration that makes what `nextVersion` needs in a service's schema. */
export function changedSince(schema: string): AnyClass {
  return class ChangedSince1763700240000 implements MigrationInterface {
    name = 'ChangedSince1763700240000';

    async up(runner: QueryRunner): Promise<void> {
      // 40001 is a serialisation failure: https://www.postgresql.org/docs/18/errcodes-appendix.html
      await runner.query(`
        CREATE FUNCTION ${schema}.changed_since() RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'the row has changed since it was read' USING ERRCODE = '40001';
        END $$`);
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`DROP FUNCTION ${schema}.changed_since()`);
    }
  };
}

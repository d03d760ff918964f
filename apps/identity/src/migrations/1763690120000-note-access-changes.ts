import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Per table: the changes after which one of its rows gives somebody another access, and the function that notes whose. */
const TRIGGERS: [table: string, changes: string, note: string][] = [
  ['users', 'UPDATE OF display_name, roles, disabled_at OR DELETE', `note_access_of_user('id')`],
  ['memberships', 'INSERT OR UPDATE OR DELETE', `note_access_of_user('user_id')`],
  ['projects', 'UPDATE OF key, name, deleted_at', 'note_access_of_members()'],
];

/**
 * Whose access has changed, for the gateways that remember it. Triggers note it: no command can forget to, and what
 * somebody corrects by hand counts as well. The transaction's id puts the changes in an order that can be followed while
 * others are still open: https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
export class NoteAccessChanges1763690120000 implements MigrationInterface {
  name = 'NoteAccessChanges1763690120000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE identity.access_changes (
        user_id uuid NOT NULL,
        changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
        changed_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query('CREATE INDEX idx_access_changes_changed_in ON identity.access_changes (changed_in)');
    await runner.query(
      `COMMENT ON INDEX identity.idx_access_changes_changed_in IS 'What came since: get-access-changes.'`,
    );
    await runner.query(`
      CREATE FUNCTION identity.note_access_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO identity.access_changes (user_id)
          SELECT DISTINCT id::uuid FROM (VALUES (to_jsonb(OLD) ->> TG_ARGV[0]), (to_jsonb(NEW) ->> TG_ARGV[0])) AS ids (id)
           WHERE id IS NOT NULL;
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE FUNCTION identity.note_access_of_members() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO identity.access_changes (user_id) SELECT user_id FROM identity.memberships WHERE project_id = NEW.id;
        RETURN NULL;
      END $$`);
    for (const [table, changes, note] of TRIGGERS) {
      await runner.query(
        `CREATE TRIGGER ${table}_access AFTER ${changes} ON identity.${table} FOR EACH ROW EXECUTE FUNCTION identity.${note}`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table] of TRIGGERS) await runner.query(`DROP TRIGGER ${table}_access ON identity.${table}`);
    await runner.query('DROP FUNCTION identity.note_access_of_user, identity.note_access_of_members');
    await runner.query('DROP TABLE identity.access_changes');
  }
}

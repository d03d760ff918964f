import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Users, projects, memberships and signing keys.
 *
 * These tables are not scoped by row-level security as the tables of the other services are: they decide who belongs
 * to which project. A user belongs to several projects, and sign-in and "my projects" read across all of them before
 * any project is known. Who may touch what is checked explicitly instead, in src/access/access.ts alone.
 */
export class CreateIdentity1763690000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const comment = (index: string, text: string) => runner.query(`COMMENT ON INDEX identity.${index} IS '${text}'`);
    await runner.query(`
      CREATE TABLE identity.users (
        id uuid NOT NULL,
        username text NOT NULL,
        display_name text NOT NULL,
        email text,
        password_hash text NOT NULL,
        roles text[] NOT NULL,
        time_zone text NOT NULL DEFAULT 'UTC',
        language text NOT NULL DEFAULT 'en',
        jira_account_id text,
        disabled_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT users_pk PRIMARY KEY (id)
      )`);
    await runner.query('CREATE UNIQUE INDEX idx_users_username ON identity.users (lower(username))');
    await comment('idx_users_username', 'Sign-in by user name; keeps names unique whatever their capitals.');

    await runner.query(`
      CREATE TABLE identity.projects (
        id uuid NOT NULL,
        key text NOT NULL,
        name text NOT NULL,
        description text,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        CONSTRAINT projects_pk PRIMARY KEY (id),
        CONSTRAINT projects_uq_key UNIQUE (key)
      )`);

    await runner.query(`
      CREATE TABLE identity.memberships (
        project_id uuid NOT NULL,
        user_id uuid NOT NULL,
        roles text[] NOT NULL,
        CONSTRAINT memberships_pk PRIMARY KEY (project_id, user_id),
        CONSTRAINT memberships_fk_project_id FOREIGN KEY (project_id) REFERENCES identity.projects (id),
        CONSTRAINT memberships_fk_user_id FOREIGN KEY (user_id) REFERENCES identity.users (id)
      )`);
    await runner.query('CREATE INDEX idx_memberships_user_id ON identity.memberships (user_id)');
    await comment('idx_memberships_user_id', 'The projects of one user: resolve-access, get-me, list-projects.');

    await runner.query(`
      CREATE TABLE identity.signing_keys (
        kid text NOT NULL,
        algorithm text NOT NULL,
        public_key jsonb NOT NULL,
        private_key text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT signing_keys_pk PRIMARY KEY (kid)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['signing_keys', 'memberships', 'projects', 'users']) {
      await runner.query(`DROP TABLE identity.${table}`);
    }
  }
}

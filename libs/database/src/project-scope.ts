import type { DataSource } from 'typeorm';

/** Role that superusers step down to: row-level security does not bind a superuser. */
export const RUNTIME_ROLE = 'qa_pms_runtime';

/**
 * Statements that put a table under row-level security: only rows of the project of the transaction are seen or
 * written, whatever a query says; without a project none are. Forced, so that it holds for the tables' owner too.
 * Statements over many rows still name project_id: the policy's OR keeps PostgreSQL from using an index for it.
 */
export function projectScope(schema: string, table: string): string[] {
  const mine = `project_id = nullif(current_setting('qa.project_id', true), '')::uuid`;
  const all = `current_setting('qa.all_projects', true) = 'on'`;
  return [
    `ALTER TABLE ${schema}.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${schema}.${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY ${table}_project_scope ON ${schema}.${table} USING (${mine} OR ${all}) WITH CHECK (${mine} OR ${all})`,
  ];
}

/** Whether the connected role is exempt from row-level security. */
export async function isExemptFromRowSecurity(dataSource: Pick<DataSource, 'query'>): Promise<boolean> {
  const rows: { exempt: boolean }[] = await dataSource.query(
    'SELECT rolsuper OR rolbypassrls AS exempt FROM pg_roles WHERE rolname = current_user',
  );
  return rows[0]?.exempt ?? false;
}

import { type DatabaseOptions, indexedKeys } from '@qa-pms/database';
import { CreateJira1763690000000 } from './migrations/1763690000000-create-jira.js';

/** What the Jira integration keeps in PostgreSQL; read and written in plain SQL. */
export const jiraDatabase: DatabaseOptions = {
  schema: 'jira',
  entities: [],
  migrations: [CreateJira1763690000000, indexedKeys('jira')],
};

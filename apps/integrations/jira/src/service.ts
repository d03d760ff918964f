import { DatabaseSettings } from '@qa-pms/database';
import { defineService } from '@qa-pms/platform';
import { checkConnections } from './check-connections.js';
import { jiraDatabase } from './jira.database.js';
import { JiraModule } from './jira.module.js';
import { JiraHttpSettings, JiraSettings } from './jira.settings.js';

/** Tickets of Jira: kept in sync, listed, moved and commented. */
export const jiraService = defineService({
  name: 'jira',
  module: JiraModule,
  settings: [DatabaseSettings, JiraSettings, JiraHttpSettings],
  database: jiraDatabase,
  checkIntegrations: checkConnections,
});

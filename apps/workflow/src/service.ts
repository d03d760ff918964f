import { DatabaseSettings } from '@qa-pms/database';
import { defineService } from '@qa-pms/platform';
import { workflowDatabase } from './workflow.database.js';
import { WorkflowModule } from './workflow.module.js';

/** Templates, workflows with their steps, reports. */
export const workflowService = defineService({
  name: 'workflow',
  module: WorkflowModule,
  settings: [DatabaseSettings],
  database: workflowDatabase,
});

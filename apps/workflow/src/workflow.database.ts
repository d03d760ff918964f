import { changedSince, type DatabaseOptions, indexedKeys } from '@qa-pms/database';
import { CreateWorkflow1763700000000 } from './migrations/1763700000000-create-workflow.js';
import { KeepCorrectedTimes1763700060000 } from './migrations/1763700060000-keep-corrected-times.js';
import { PostReportsWithTimes1763700120000 } from './migrations/1763700120000-post-reports-with-times.js';
import { IndexLists1763700180000 } from './migrations/1763700180000-index-lists.js';

export const workflowDatabase: DatabaseOptions = {
  schema: 'workflow',
  entities: [],
  migrations: [
    CreateWorkflow1763700000000,
    KeepCorrectedTimes1763700060000,
    PostReportsWithTimes1763700120000,
    IndexLists1763700180000,
    changedSince('workflow'),
    indexedKeys('workflow'),
  ],
};

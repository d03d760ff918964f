import { changedSince, type DatabaseOptions, indexedKeys } from '@qa-pms/database';
import { CreateTracking1763700000000 } from './migrations/1763700000000-create-tracking.js';
import { IndexSamples1763700060000 } from './migrations/1763700060000-index-samples.js';
import { CountChanges1763700300000 } from './migrations/1763700300000-count-changes.js';

/** What tracking keeps in PostgreSQL. All access is plain SQL, so there are no entities. */
export const trackingDatabase: DatabaseOptions = {
  schema: 'tracking',
  entities: [],
  migrations: [
    CreateTracking1763700000000,
    IndexSamples1763700060000,
    changedSince('tracking'),
    CountChanges1763700300000,
    indexedKeys('tracking'),
  ],
};

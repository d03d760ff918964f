import { DatabaseSettings } from '@qa-pms/database';
import { defineService } from '@qa-pms/platform';
import { trackingDatabase } from './tracking.database.js';
import { TrackingModule } from './tracking.module.js';
import { TrackingSettings } from './tracking.settings.js';

/** Time sessions, pauses, estimates, time history and gap alerts. */
export const trackingService = defineService({
  name: 'tracking',
  module: TrackingModule,
  settings: [DatabaseSettings, TrackingSettings],
  database: trackingDatabase,
});

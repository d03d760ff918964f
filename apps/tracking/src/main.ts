import { runService } from '@qa-pms/platform';
import { trackingService } from './service.js';

void runService(trackingService);

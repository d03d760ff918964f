import { runService } from '@qa-pms/platform';
import { identityService } from './service.js';

void runService(identityService);

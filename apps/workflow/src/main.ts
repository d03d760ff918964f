import { runService } from '@qa-pms/platform';
import { workflowService } from './service.js';

void runService(workflowService);

import { runService } from '@qa-pms/platform';
import { jiraService } from './service.js';

void runService(jiraService);

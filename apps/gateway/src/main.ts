import { runService } from '@qa-pms/platform';
import { gatewayService } from './service.js';

void runService(gatewayService);

import { defineService } from '@qa-pms/platform';
import { GatewayModule } from './gateway.module.js';
import { GatewaySettings } from './gateway.settings.js';

/** The only public door. */
export const gatewayService = defineService({ name: 'gateway', module: GatewayModule, settings: [GatewaySettings] });

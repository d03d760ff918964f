import { Controller } from '@nestjs/common';
import { DismissAlert, ListAlerts } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { AlertsService } from './alerts.service.js';

@Controller()
export class AlertsMessages {
  constructor(private readonly alerts: AlertsService) {}

  @Handle(ListAlerts)
  listAlerts(query: ListAlerts) {
    return this.alerts.list(query);
  }

  @Handle(DismissAlert)
  dismissAlert(command: DismissAlert) {
    return this.alerts.dismiss(command.id);
  }
}

import { Module } from '@nestjs/common';
import { DatabaseModule } from '@qa-pms/database';
import { AlertsMessages } from './alerts/alerts.messages.js';
import { AlertsService } from './alerts/alerts.service.js';
import { CorrectionsMessages } from './corrections/corrections.messages.js';
import { CorrectionsService } from './corrections/corrections.service.js';
import { EstimatesMessages } from './estimates/estimates.messages.js';
import { EstimatesService } from './estimates/estimates.service.js';
import { HistoryMessages } from './history/history.messages.js';
import { HistoryService } from './history/history.service.js';
import { TrendService } from './history/trend.service.js';
import { PeopleMessages } from './people/people.messages.js';
import { PeopleService } from './people/people.service.js';
import { Arrivals } from './sessions/arrivals.js';
import { SessionsMessages } from './sessions/sessions.messages.js';
import { SessionsService } from './sessions/sessions.service.js';
import { WorkflowMetrics } from './sessions/workflow-metrics.js';
import { TimesService } from './sessions/times.service.js';
import { trackingDatabase } from './tracking.database.js';

@Module({
  imports: [DatabaseModule.forService(trackingDatabase)],
  controllers: [
    SessionsMessages,
    CorrectionsMessages,
    AlertsMessages,
    HistoryMessages,
    EstimatesMessages,
    PeopleMessages,
  ],
  providers: [
    AlertsService,
    Arrivals,
    CorrectionsService,
    EstimatesService,
    HistoryService,
    PeopleService,
    SessionsService,
    WorkflowMetrics,
    TimesService,
    TrendService,
  ],
})
export class TrackingModule {}

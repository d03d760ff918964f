import { Module } from '@nestjs/common';
import { DatabaseModule } from '@qa-pms/database';
import { ReportsMessages } from './reports/reports.messages.js';
import { ReportPosting } from './reports/report-posting.js';
import { ReportsService } from './reports/reports.service.js';
import { TemplatesMessages } from './templates/templates.messages.js';
import { TemplatesService } from './templates/templates.service.js';
import { workflowDatabase } from './workflow.database.js';
import { StartService } from './workflows/start.service.js';
import { WorkflowsMessages } from './workflows/workflows.messages.js';
import { WorkflowsService } from './workflows/workflows.service.js';

@Module({
  imports: [DatabaseModule.forService(workflowDatabase)],
  controllers: [TemplatesMessages, WorkflowsMessages, ReportsMessages],
  providers: [TemplatesService, WorkflowsService, StartService, ReportsService, ReportPosting],
})
export class WorkflowModule {}

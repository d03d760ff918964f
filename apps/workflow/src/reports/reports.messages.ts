import { Controller } from '@nestjs/common';
import {
  type ExportedReport,
  ExportReport,
  FinaliseReport,
  GetReport,
  GetReportOfWorkflow,
  ListReports,
  OpenReportVersion,
  type Report,
  ReportPostingRequested,
  UpdateReport,
  WorkflowTimed,
} from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { ReportPosting } from './report-posting.js';
import { exportReport } from './report-export.js';
import { ReportsService } from './reports.service.js';

@Controller()
export class ReportsMessages {
  constructor(
    private readonly reports: ReportsService,
    private readonly posting: ReportPosting,
  ) {}

  @Handle(ListReports)
  list(query: ListReports): Promise<object> {
    return this.reports.list(query);
  }

  @Handle(GetReport)
  get({ id }: GetReport): Promise<Report> {
    return this.reports.get(id);
  }

  @Handle(GetReportOfWorkflow)
  getOfWorkflow({ workflowId }: GetReportOfWorkflow): Promise<Report> {
    return this.reports.latestOf(workflowId);
  }

  @Handle(OpenReportVersion)
  openVersion({ workflowId }: OpenReportVersion): Promise<Report> {
    return this.reports.openVersion(workflowId);
  }

  @Handle(UpdateReport)
  update(command: UpdateReport): Promise<Report> {
    return this.reports.update(command);
  }

  @Handle(FinaliseReport)
  finalise(command: FinaliseReport): Promise<Report> {
    return this.reports.finalise(command);
  }

  @Handle(ExportReport)
  async export({ id, format }: ExportReport): Promise<ExportedReport> {
    return exportReport(await this.reports.get(id), format ?? 'md');
  }

  @Handle(WorkflowTimed)
  workflowTimed(event: WorkflowTimed): Promise<void> {
    return this.reports.workflowTimed(event);
  }

  @Handle(ReportPostingRequested)
  postingRequested(event: ReportPostingRequested): Promise<void> {
    return this.posting.post(event);
  }
}

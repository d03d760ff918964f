import {
  EnumField,
  IdField,
  IntegerField,
  ListField,
  NumberField,
  ObjectField,
  TextField,
  TextListField,
  TimeField,
} from './fields.js';
import { command, event, query } from './message.js';
import { pageOf, PageQuery, SortField, sortsOf } from './paging.js';
import { MAX_STEPS } from './templates.js';
import { TicketKeyField } from './tickets.js';
import {
  CoveredTest,
  FoundBug,
  MAX_STEP_NOTES,
  MAX_STEP_TESTS,
  OUTCOMES,
  type Outcome,
  TemplateRef,
  WorkflowStep,
} from './workflows.js';
import { WorkflowTime } from './time.js';

/** Longest notes of a report, characters: those of all steps, each under its name. */
const MAX_NOTES = MAX_STEPS * (MAX_STEP_NOTES + 250);

export class ReportTicket {
  @TicketKeyField()
  key!: string;
  @TextField({ description: 'Title when the workflow started.', max: 1000, example: 'Login fails' })
  title!: string;
  @TextField({ description: 'Type when the workflow started.', max: 200, example: 'Bug' })
  type!: string;
}

export class ReportGap {
  @IntegerField({ description: 'Index of the step, from 0.', max: 999, example: 1 })
  stepIndex!: number;
  @NumberField({
    description: 'Actual to estimate; null until the times are in.',
    nullable: true,
    optional: true,
    example: 1.34,
  })
  ratio!: number | null;
  @TextField({
    description: 'Reason given.',
    max: 2000,
    nullable: true,
    optional: true,
    example: 'Environment was down.',
  })
  reason!: string | null;
}

export class ReportContent {
  @ObjectField(() => ReportTicket, { description: 'The ticket.' })
  ticket!: ReportTicket;
  @ObjectField(() => TemplateRef, { description: 'The template followed.' })
  template!: TemplateRef;
  @TextField({ description: 'Who worked on it.', max: 200, example: 'Quinn Abara' })
  tester!: string;
  @EnumField({ description: 'Outcome.', values: OUTCOMES, nullable: true })
  outcome!: Outcome | null;
  @TimeField({ description: 'Start of the workflow.' })
  startedAt!: string;
  @TimeField({ description: 'End of the workflow.' })
  completedAt!: string;
  @ListField(() => WorkflowStep, { description: 'Steps as they ended.' })
  steps!: WorkflowStep[];
  @ObjectField(() => WorkflowTime, { description: 'Times; null until tracking has told them.', nullable: true })
  time!: WorkflowTime | null;
  @ListField(() => CoveredTest, { description: 'Tests covered in all steps.', maxItems: MAX_STEPS * MAX_STEP_TESTS })
  testsCovered!: CoveredTest[];
  @ListField(() => FoundBug, { description: 'Bugs found in all steps.', maxItems: 5000 })
  bugs!: FoundBug[];
  @TextField({ description: 'Test strategies, Markdown.', max: 50_000, min: 0, nullable: true, example: null })
  strategies!: string | null;
  @ListField(() => ReportGap, {
    description: 'Steps over 120 % of their estimate, with the reasons given.',
    maxItems: 1000,
  })
  gaps!: ReportGap[];
  @TextField({
    description: 'Notes of the steps and of the editor, Markdown.',
    max: MAX_NOTES,
    min: 0,
    nullable: true,
    example: null,
  })
  notes!: string | null;
}

export const REPORT_STATUSES = ['draft', 'final'] as const;

export class Report {
  @IdField({ description: 'The report.' })
  id!: string;
  @IdField({ description: 'Its workflow.' })
  workflowId!: string;
  @TicketKeyField()
  ticketKey!: string;
  @IdField({ description: 'Who worked on it.' })
  userId!: string;
  @EnumField({ description: 'Status.', values: REPORT_STATUSES })
  status!: (typeof REPORT_STATUSES)[number];
  @IntegerField({ description: 'Version, from 1; a final one is followed by the next.', example: 1 })
  version!: number;
  @TimeField({ description: 'When it was generated.' })
  generatedAt!: string;
  @TimeField({ description: 'When it was finalised.', nullable: true })
  finalisedAt!: string | null;
  @TextField({ description: 'Title.', max: 1200, example: 'QA report DEMO-1: Login fails' })
  title!: string;
  @ObjectField(() => ReportContent, { description: 'The content.' })
  content!: ReportContent;
  @TextListField({
    description: 'What changed after it was final, such as a correction of time.',
    max: 500,
    example: [],
  })
  notices!: string[];
  @IntegerField({ description: 'Grows by one with every change; also the ETag.', example: 1 })
  rowVersion!: number;
}

export const REPORT_SORTS = sortsOf('generated_at', 'status');

export class ListReports extends query(
  { service: 'workflow', name: 'list-reports', reply: pageOf(Report), permission: 'reports:read' },
  PageQuery,
) {
  @TicketKeyField({ description: 'Only of this ticket.', optional: true })
  ticketKey?: string;
  @IdField({ description: 'Only of this person.', optional: true })
  userId?: string;
  @EnumField({ description: 'Only this status.', values: REPORT_STATUSES, optional: true })
  status?: (typeof REPORT_STATUSES)[number];
  @TimeField({ description: 'Generated at or after.', optional: true })
  from?: string;
  @TimeField({ description: 'Generated before.', optional: true })
  to?: string;
  @SortField(REPORT_SORTS, '-generated_at')
  sortBy?: (typeof REPORT_SORTS)[number];
}

export class GetReport extends query({
  service: 'workflow',
  name: 'get-report',
  reply: Report,
  permission: 'reports:read',
  errors: ['REPORT_NOT_FOUND'],
}) {
  @IdField({ description: 'The report.' })
  id!: string;
}

/** The latest version. */
export class GetReportOfWorkflow extends query({
  service: 'workflow',
  name: 'get-report-of-workflow',
  reply: Report,
  permission: 'reports:read',
  errors: ['REPORT_NOT_FOUND'],
}) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
}

/** Opens version n+1 of a final report. REPORT_NOT_FOUND: the workflow is not completed. */
export class OpenReportVersion extends command({
  service: 'workflow',
  name: 'open-report-version',
  reply: Report,
  permission: 'reports:write',
  key: 'workflowId',
  errors: ['WORKFLOW_NOT_FOUND', 'REPORT_NOT_FOUND', 'REPORT_DRAFT_OPEN'],
}) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
}

export class UpdateReport extends command({
  service: 'workflow',
  name: 'update-report',
  reply: Report,
  permission: 'reports:write',
  key: 'id',
  errors: ['REPORT_NOT_FOUND', 'REPORT_FINAL', 'PRECONDITION_FAILED'],
}) {
  @IdField({ description: 'The report.' })
  id!: string;
  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
  @TextField({
    description: 'Test strategies, Markdown.',
    max: 50_000,
    min: 0,
    optional: true,
    example: 'Exploratory, boundary values.',
  })
  strategies?: string | null;
  @TextField({
    description: 'Notes, Markdown.',
    max: MAX_NOTES,
    min: 0,
    optional: true,
    example: 'Watch the mail queue.',
  })
  notes?: string | null;
  @ListField(() => ReportGap, { description: 'Reasons of gaps, by step.', optional: true })
  gaps?: ReportGap[];
  @EnumField({ description: 'Outcome, until it is final.', values: OUTCOMES, optional: true })
  outcome?: Outcome;
}

export class FinaliseReport extends command({
  service: 'workflow',
  name: 'finalise-report',
  reply: Report,
  permission: 'reports:write',
  key: 'id',
  errors: ['REPORT_NOT_FOUND', 'REPORT_FINAL', 'REPORT_TIMES_PENDING', 'PRECONDITION_FAILED'],
}) {
  @IdField({ description: 'The report.' })
  id!: string;
  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
}

export class ExportedReport {
  @TextField({ description: 'File name.', max: 300, example: 'QA-DEMO-1-report-2026-11-21.md' })
  filename!: string;
  @TextField({ description: 'Media type.', max: 100, example: 'text/markdown; charset=utf-8' })
  mediaType!: string;
  @TextField({ description: 'The document.', max: 10_000_000, example: '# QA report DEMO-1' })
  body!: string;
}

/** Markdown, or HTML that needs nothing from outside. */
export class ExportReport extends query({
  service: 'workflow',
  name: 'export-report',
  reply: ExportedReport,
  permission: 'reports:read',
  errors: ['REPORT_NOT_FOUND', 'ANSWER_TOO_LARGE'],
}) {
  @IdField({ description: 'The report.' })
  id!: string;
  @EnumField({
    description: 'Format. As HTML free text of more than 50,000 characters is shown as it was written.',
    values: ['md', 'html'],
    optional: true,
  })
  format?: 'md' | 'html';
}

/** A workflow was completed with the wish to write to its ticket; the service itself does so, after the commit. */
export class ReportPostingRequested extends event({
  service: 'workflow',
  name: 'report-posting-requested',
  key: 'workflowId',
}) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
  @IdField({ description: 'Its project.' })
  projectId!: string;
  @TicketKeyField()
  ticketKey!: string;
  @TextField({ description: 'Comment in Markdown; null: none.', max: 30_000, nullable: true })
  comment!: string | null;
  @TextField({ description: 'Transition to apply; null: none.', max: 50, nullable: true })
  transitionId!: string | null;
}

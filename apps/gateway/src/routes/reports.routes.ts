import {
  ExportReport,
  FinaliseReport,
  GetReport,
  GetReportOfWorkflow,
  ListReports,
  OpenReportVersion,
  UpdateReport,
} from '@qa-pms/contracts';
import { byRowVersion, routes } from './route.js';

export const REPORT_ROUTES = routes('Reports', [
  { method: 'GET', path: '/reports', message: ListReports, summary: 'List reports by ticket, person and date' },
  {
    method: 'POST',
    path: '/reports',
    message: OpenReportVersion,
    status: 201,
    version: byRowVersion,
    summary: 'Open the next version of a final report',
  },
  { method: 'GET', path: '/reports/:id', message: GetReport, version: byRowVersion, summary: 'Read a report' },
  {
    method: 'PATCH',
    path: '/reports/:id',
    message: UpdateReport,
    ifMatch: 'required',
    version: byRowVersion,
    summary: 'Edit a draft',
  },
  {
    method: 'POST',
    path: '/reports/:id/finalise',
    message: FinaliseReport,
    ifMatch: 'required',
    version: byRowVersion,
    summary: 'Finalise a draft',
  },
  {
    method: 'GET',
    path: '/reports/:id/export',
    message: ExportReport,
    summary: 'Export as Markdown or self-contained HTML',
    answer: {
      sends: {
        200: {
          'text/markdown': '# QA report DEMO-1: Login fails',
          'text/html': '<h1>QA report DEMO-1: Login fails</h1>',
        },
      },
      send: async ({ payload, request }, reply) => {
        const { filename, mediaType, body } = await request(ExportReport, payload as unknown as ExportReport);
        return reply.type(mediaType).header('content-disposition', `attachment; filename="${filename}"`).send(body);
      },
    },
  },
  {
    method: 'GET',
    path: '/reports/workflow/:workflowId',
    message: GetReportOfWorkflow,
    version: byRowVersion,
    summary: 'The latest report of a workflow',
  },
]);

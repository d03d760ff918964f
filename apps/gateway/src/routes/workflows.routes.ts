import {
  CancelWorkflow,
  CompleteStep,
  CompleteWorkflow,
  CreateTemplate,
  DeleteTemplate,
  GetActiveWorkflows,
  GetTemplate,
  GetWorkflow,
  HandOverWorkflow,
  ListMyActiveWorkflows,
  ListTemplates,
  ListWorkflows,
  PauseWorkflow,
  ReopenStep,
  ResumeWorkflow,
  SkipStep,
  StartWorkflow,
  UpdateStep,
  UpdateTemplate,
  Workflow,
} from '@qa-pms/contracts';
import { byRowVersion, byVersion, routes } from './route.js';
import { summaryOf, WorkflowSummary } from './workflow-summary.js';

const change = { ifMatch: 'optional', version: byRowVersion } as const;

export const WORKFLOW_ROUTES = [
  ...routes('Workflow templates', [
    { method: 'GET', path: '/workflows/templates', message: ListTemplates, summary: 'List templates' },
    {
      method: 'POST',
      path: '/workflows/templates',
      message: CreateTemplate,
      status: 201,
      version: byVersion,
      summary: 'Add a template',
    },
    {
      method: 'GET',
      path: '/workflows/templates/:id',
      message: GetTemplate,
      version: byVersion,
      summary: 'Read a template',
    },
    {
      method: 'PUT',
      path: '/workflows/templates/:id',
      message: UpdateTemplate,
      ifMatch: 'required',
      version: byVersion,
      summary: 'Make a new version of a template',
    },
    {
      method: 'DELETE',
      path: '/workflows/templates/:id',
      message: DeleteTemplate,
      ifMatch: 'required',
      status: 204,
      summary: 'Delete a template',
    },
  ]),
  ...routes('Workflows', [
    { method: 'GET', path: '/workflows', message: ListWorkflows, summary: 'List workflows' },
    {
      method: 'POST',
      path: '/workflows',
      message: StartWorkflow,
      status: 201,
      summary: 'Start the guided workflow of a ticket; 200 when the active one was resumed',
      version: byRowVersion,
      answer: {
        sends: { 200: Workflow, 201: Workflow },
        send: async ({ payload, request }, reply) => {
          const { workflow, result } = await request(StartWorkflow, payload as unknown as StartWorkflow);
          return reply
            .status(result === 'resumed' ? 200 : 201)
            .header('etag', `"${String(workflow.rowVersion)}"`)
            .send(workflow);
        },
      },
    },
    { method: 'GET', path: '/workflows/:id', message: GetWorkflow, version: byRowVersion, summary: 'Read a workflow' },
    { method: 'GET', path: '/workflows/active/:ticketKey', message: GetActiveWorkflows, summary: 'Who is on a ticket' },
    { method: 'GET', path: '/workflows/user/active', message: ListMyActiveWorkflows, summary: 'What one is on' },
    {
      method: 'POST',
      path: '/workflows/:id/steps/:index/complete',
      message: CompleteStep,
      ...change,
      summary: 'Complete the current step',
    },
    {
      method: 'POST',
      path: '/workflows/:id/steps/:index/skip',
      message: SkipStep,
      ...change,
      summary: 'Skip the current step',
    },
    {
      method: 'POST',
      path: '/workflows/:id/steps/:index/reopen',
      message: ReopenStep,
      ...change,
      summary: 'Go on with a step that has ended',
    },
    {
      method: 'PATCH',
      path: '/workflows/:id/steps/:index',
      message: UpdateStep,
      ...change,
      summary: 'Write down notes, links, tests and bugs',
    },
    { method: 'POST', path: '/workflows/:id/pause', message: PauseWorkflow, ...change, summary: 'Pause' },
    { method: 'POST', path: '/workflows/:id/resume', message: ResumeWorkflow, ...change, summary: 'Resume' },
    { method: 'POST', path: '/workflows/:id/cancel', message: CancelWorkflow, ...change, summary: 'Cancel' },
    {
      method: 'POST',
      path: '/workflows/:id/complete',
      message: CompleteWorkflow,
      ...change,
      summary: 'Complete: the report is made',
    },
    {
      method: 'POST',
      path: '/workflows/:id/handover',
      message: HandOverWorkflow,
      ...change,
      summary: 'Hand a paused workflow over',
    },
    {
      method: 'GET',
      path: '/workflows/:id/summary',
      message: GetWorkflow,
      summary: 'Times, notes, links, tests and bugs of a workflow',
      answer: {
        sends: { 200: WorkflowSummary },
        send: async (call, reply) => reply.send(await summaryOf(call)),
      },
    },
  ]),
];

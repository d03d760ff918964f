import {
  CorrectSession,
  DismissAlert,
  GetActiveSession,
  GetAverages,
  GetTrend,
  GetWorkflowTime,
  ListAlerts,
  ListEstimates,
  ListHistory,
} from '@qa-pms/contracts';
import { routes } from './route.js';

export const TIME_ROUTES = routes('Time', [
  {
    method: 'GET',
    path: '/time/sessions/:workflowId',
    message: GetWorkflowTime,
    summary: 'Times of a workflow against its estimates',
  },
  {
    method: 'GET',
    path: '/time/sessions/:workflowId/active',
    message: GetActiveSession,
    summary: 'The session that runs',
  },
  {
    method: 'POST',
    path: '/time/sessions/:id/corrections',
    message: CorrectSession,
    status: 201,
    summary: 'Correct a session',
  },
  {
    method: 'GET',
    path: '/time/history',
    message: ListHistory,
    summary: 'Time by person, ticket type, template and step',
  },
  { method: 'GET', path: '/time/history/trend', message: GetTrend, summary: 'Time by day or week' },
  { method: 'GET', path: '/time/history/averages', message: GetAverages, summary: 'Averages and percentiles' },
  {
    method: 'GET',
    path: '/time/alerts',
    message: ListAlerts,
    summary: 'Steps and workflows over 120 % of their estimate',
  },
  { method: 'POST', path: '/time/alerts/:id/dismiss', message: DismissAlert, summary: 'Dismiss an alert' },
  { method: 'GET', path: '/time/estimates', message: ListEstimates, summary: 'Estimates learned from history' },
]);

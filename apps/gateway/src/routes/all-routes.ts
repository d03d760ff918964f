import { IDENTITY_ROUTES } from './identity.routes.js';
import { REPORT_ROUTES } from './reports.routes.js';
import type { Route } from './route.js';
import { TICKET_ROUTES } from './tickets.routes.js';
import { TIME_ROUTES } from './time.routes.js';
import { WORKFLOW_ROUTES } from './workflows.routes.js';

/** The whole REST API. */
export const ROUTES: Route[] = [
  ...IDENTITY_ROUTES,
  ...TICKET_ROUTES,
  ...WORKFLOW_ROUTES,
  ...TIME_ROUTES,
  ...REPORT_ROUTES,
];

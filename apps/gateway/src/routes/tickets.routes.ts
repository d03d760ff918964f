import { AddComment, ApplyTransition, GetTicket, ListTickets, ListTransitions } from '@qa-pms/contracts';
import { routes } from './route.js';

export const TICKET_ROUTES = routes('Tickets', [
  {
    method: 'GET',
    path: '/tickets',
    message: ListTickets,
    summary: 'List tickets by state, assignee, type, component or text',
  },
  { method: 'GET', path: '/tickets/:key', message: GetTicket, summary: 'Read a ticket' },
  {
    method: 'GET',
    path: '/tickets/:key/transitions',
    message: ListTransitions,
    summary: 'List the transitions that are possible now',
  },
  { method: 'POST', path: '/tickets/:key/transitions', message: ApplyTransition, summary: 'Move a ticket' },
  { method: 'POST', path: '/tickets/:key/comments', message: AddComment, status: 201, summary: 'Comment on a ticket' },
]);

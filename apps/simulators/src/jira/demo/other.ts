import { criteria, gherkin, p, ul } from './adf-builder.js';
import type { DemoTicket } from './demo-ticket.js';

/** Tickets of a second product, which only some people see. */
export const otherTickets: DemoTicket[] = [
  {
    title: 'Loyalty points are lost when a guest changes their name',
    type: 'Bug',
    status: 'ready',
    priority: 'High',
    components: ['loyalty'],
    assignee: 'ravi',
    reporter: 'lena',
    age: 9,
    touched: 1,
    body: [
      p('The account is found by name instead of number.'),
      criteria(),
      gherkin('Given a guest with 500 points\nWhen their family name changes\nThen they still have 500 points'),
    ],
  },
  {
    title: 'Show the points of a stay on the invoice',
    type: 'Story',
    status: 'backlog',
    priority: 'Medium',
    components: ['loyalty'],
    reporter: 'lena',
    age: 20,
    touched: 6,
    body: [p('Earned and used points, one line each.'), ul('Nothing is printed for guests without an account.')],
  },
  {
    title: 'Points of cancelled stays are not taken back',
    type: 'Bug',
    status: 'inQa',
    priority: 'Medium',
    components: ['loyalty'],
    assignee: 'ravi',
    reporter: 'tomas',
    age: 15,
    touched: 2,
    body: [p('They stay on the account until somebody notices.')],
  },
  {
    title: 'Yearly statement of points',
    type: 'Task',
    status: 'done',
    priority: 'Low',
    components: ['loyalty'],
    assignee: 'ravi',
    reporter: 'lena',
    age: 50,
    touched: 21,
    body: [p('Sent in January.')],
  },
];

import type { SimulatedIssue } from '../jira-types.js';
import { jiraTime } from '../jira-store.js';
import { STATUSES } from '../statuses.js';
import { doc, p } from './adf-builder.js';
import { bookingTickets } from './booking.js';
import { channelTickets } from './channels.js';
import { frontDeskTickets } from './front-desk.js';
import { housekeepingTickets } from './housekeeping.js';
import { otherTickets } from './other.js';
import { paymentTickets } from './payments.js';
import type { DemoTicket } from './demo-ticket.js';
import { PEOPLE } from './people.js';

const DAY_MS = 86_400_000;
const TYPE_IDS = { Bug: '10101', Story: '10102', Task: '10103' };
const PRIORITY_IDS = { Highest: '1', High: '2', Medium: '3', Low: '4', Lowest: '5' };

/** A stable number for a component's name. */
function componentId(name: string): string {
  return String([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 100_000, 7));
}

/** All tickets of the demo, with dates that lie before `now`. */
export function demoIssues(now: Date): SimulatedIssue[] {
  const demo = [...bookingTickets, ...frontDeskTickets, ...housekeepingTickets, ...paymentTickets, ...channelTickets];
  return [
    ...toIssues('DEMO', 'Demo property management', demo, 20_000, now),
    ...toIssues('OTHER', 'Other product', otherTickets, 30_000, now),
  ];
}

function toIssues(key: string, name: string, tickets: DemoTicket[], firstId: number, now: Date): SimulatedIssue[] {
  const project = { id: String(firstId), key, name };
  return tickets.map((ticket, index) => toIssue(ticket, project, index + 1, firstId + index + 1, now));
}

function toIssue(
  ticket: DemoTicket,
  project: { id: string; key: string; name: string },
  number: number,
  id: number,
  now: Date,
): SimulatedIssue {
  // A few minutes apart each, so that the order by time is the same every time.
  const ago = (days: number): string => jiraTime(new Date(now.getTime() - days * DAY_MS - number * 7 * 60_000));
  const comments = (ticket.comments ?? []).map(([author, text], index) => {
    const created = ago(ticket.touched + (ticket.comments ?? []).length - index - 1);
    return {
      id: String(id * 100 + index),
      author: PEOPLE[author],
      body: doc(p(text)),
      created,
      updated: created,
      properties: [],
    };
  });
  const attachment = (ticket.attachments ?? []).map(([filename, mimeType, size], index) => ({
    id: String(id * 100 + 50 + index),
    filename,
    mimeType,
    size,
    author: PEOPLE[ticket.reporter],
    created: ago(ticket.age),
    content: `https://demo.atlassian.net/rest/api/3/attachment/content/${String(id * 100 + 50 + index)}`,
  }));
  return {
    id: String(id),
    key: `${project.key}-${String(number)}`,
    comments,
    worklogs: [],
    fields: {
      summary: ticket.title,
      issuetype: { id: TYPE_IDS[ticket.type], name: ticket.type, subtask: false },
      project,
      status: STATUSES[ticket.status],
      priority: { id: PRIORITY_IDS[ticket.priority], name: ticket.priority },
      components: ticket.components.map((component) => ({ id: componentId(component), name: component })),
      labels: ticket.labels ?? [],
      assignee: ticket.assignee ? PEOPLE[ticket.assignee] : null,
      reporter: PEOPLE[ticket.reporter],
      created: ago(ticket.age),
      updated: ago(ticket.touched),
      duedate:
        ticket.due === undefined ? null : new Date(now.getTime() + ticket.due * DAY_MS).toISOString().slice(0, 10),
      description: ticket.body.length > 0 ? doc(...ticket.body) : null,
      attachment,
    },
  };
}

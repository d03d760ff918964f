import type { SimulatedIssue, SimulatedStatus } from './jira-types.js';

const TO_DO = { id: 2, key: 'new', name: 'To Do', colorName: 'blue-gray' };
const IN_PROGRESS = { id: 4, key: 'indeterminate', name: 'In Progress', colorName: 'yellow' };
const DONE = { id: 3, key: 'done', name: 'Done', colorName: 'green' };

/** The states of our simulated projects. */
export const STATUSES = {
  backlog: { id: '10001', name: 'Backlog', statusCategory: TO_DO },
  ready: { id: '10002', name: 'Ready for QA', statusCategory: IN_PROGRESS },
  inQa: { id: '10003', name: 'In QA', statusCategory: IN_PROGRESS },
  uat: { id: '10004', name: 'UAT', statusCategory: IN_PROGRESS },
  done: { id: '10005', name: 'Done', statusCategory: DONE },
} satisfies Record<string, SimulatedStatus>;

const NAMES: Record<string, string> = {
  Backlog: 'Back to the backlog',
  'Ready for QA': 'Hand to QA',
  'In QA': 'Start QA',
  UAT: 'Pass to UAT',
  Done: 'Close',
};

export interface SimulatedTransition {
  id: string;
  name: string;
  to: SimulatedStatus;
}

/**
 * Where an issue can go: to every status of our workflow and every one that an issue of its project has, but its own.
 * The id of a transition is that of its status: it stays the same whatever else changes.
 */
export function transitionsOf(issue: SimulatedIssue, siblings: Iterable<SimulatedIssue>): SimulatedTransition[] {
  const byName = new Map<string, SimulatedStatus>(Object.values(STATUSES).map((status) => [status.name, status]));
  for (const { fields } of siblings) if (!byName.has(fields.status.name)) byName.set(fields.status.name, fields.status);
  return [...byName.values()]
    .filter((status) => status.name !== issue.fields.status.name)
    .map((to) => ({ id: to.id, name: NAMES[to.name] ?? `Move to ${to.name}`, to }));
}

import type { Workflow, WorkflowChanged } from '@qa-pms/contracts';
import { wholeSeconds } from './seconds.js';
import type { Session, Tracked, TrackedWorkflow } from './tracked-workflow.js';

/** A workflow after a change, and the sessions that the change closed, opened or touched. */
export interface Followed extends Tracked {
  touched: Session[];
}

/** Actions closer together than this tell nothing about idleness: only the last of them is kept. */
export const ACTION_DISTANCE_MS = 30 * 60 * 1000;

/**
 * Sessions follow from the snapshot alone: while the workflow is active and a step is in progress, exactly one session
 * runs, for that step and that person; else none.
 */
export function follow(before: Tracked | null, event: WorkflowChanged, newId: () => string): Followed {
  const at = new Date(event.at);
  const sessions = before?.sessions ?? [];
  const touched = moveTimer(sessions, event.workflow, at, newId);
  const changed = new Map(touched.map((session) => [session.id, session]));
  const known = sessions.map((session) => changed.get(session.id) ?? session);
  const opened = touched.filter(({ id }) => !sessions.some((session) => session.id === id));
  return { workflow: trackedWorkflow(before?.workflow ?? null, event, at), sessions: [...known, ...opened], touched };
}

/**
 * Adds an action. Of actions within half an hour only the first and the last are kept: enough to find every long
 * silence exactly, and few even where notes are saved at every key stroke.
 */
export function withAction(actions: Date[], at: Date): Date[] {
  const beforeLast = actions.at(-2);
  const replaces = beforeLast !== undefined && at.getTime() - beforeLast.getTime() < ACTION_DISTANCE_MS;
  return [...(replaces ? actions.slice(0, -1) : actions), at];
}

function moveTimer(sessions: Session[], workflow: Workflow, at: Date, newId: () => string): Session[] {
  const open = sessions.find((session) => session.endedAt === null);
  const stepIndex = runningStep(workflow);
  if (open && open.stepIndex === stepIndex && open.userId === workflow.userId) {
    return [{ ...open, actions: withAction(open.actions, at) }];
  }
  const closed = open ? [{ ...open, endedAt: latest(at, open.startedAt) }] : [];
  if (stepIndex === null) return closed;
  // A correction may have moved an end past an event that was still on its way: sessions never overlap.
  const ends = [...sessions, ...closed].flatMap(({ endedAt }) => endedAt ?? []);
  const startedAt = latest(at, ...ends);
  const opened: Session = {
    id: newId(),
    stepIndex,
    userId: workflow.userId,
    startedAt,
    endedAt: null,
    actions: [],
    timeZone: 'UTC',
  };
  return [...closed, opened];
}

/** Index of the step whose time runs; null when none does. */
function runningStep(workflow: Workflow): number | null {
  if (workflow.status !== 'active') return null;
  return workflow.steps.find((step) => step.status === 'in_progress')?.index ?? null;
}

function trackedWorkflow(before: TrackedWorkflow | null, { workflow }: WorkflowChanged, at: Date): TrackedWorkflow {
  const paused = workflow.status === 'paused';
  const pauseEnds = !paused && before?.pausedAt;
  const hasEnded = workflow.status === 'completed' || workflow.status === 'cancelled';
  return {
    id: workflow.id,
    projectId: workflow.projectId,
    ticketKey: workflow.ticketKey,
    ticketType: workflow.ticketType,
    templateId: workflow.template.id,
    templateName: workflow.template.name,
    templateVersion: workflow.template.version,
    userId: workflow.userId,
    status: workflow.status,
    steps: workflow.steps.map(({ name, estimateSeconds, status, completedAt }) => ({
      name,
      estimateSeconds,
      status,
      endedAt: status === 'completed' || status === 'skipped' ? (completedAt ?? at.toISOString()) : null,
    })),
    rowVersion: workflow.rowVersion,
    startedAt: new Date(workflow.startedAt),
    endedAt: hasEnded ? (before?.endedAt ?? at) : null,
    pausedAt: paused ? (before?.pausedAt ?? at) : null,
    pausedSeconds: (before?.pausedSeconds ?? 0) + (pauseEnds ? wholeSeconds(pauseEnds, at) : 0),
  };
}

function latest(...times: Date[]): Date {
  return new Date(Math.max(...times.map((time) => time.getTime())));
}

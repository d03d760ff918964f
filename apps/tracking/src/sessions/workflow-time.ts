import {
  type ActiveSession,
  MAX_PROPOSALS,
  type StepTime,
  type TimeSession,
  type WorkflowTime,
} from '@qa-pms/contracts';
import { proposalsOf } from './proposals.js';
import { bandOf, ratioOf, wholeSeconds } from './seconds.js';
import type { Session, Tracked } from './tracked-workflow.js';

/** Whole seconds of a session, rounded down once; up to `asOf` while it runs. */
export function sessionSeconds(session: Session, asOf: Date): number {
  return wholeSeconds(session.startedAt, session.endedAt ?? asOf);
}

/** The times of a workflow as `asOf`: every total is a sum of whole seconds of sessions. */
export function workflowTime(tracked: Tracked, asOf: Date, idleSeconds: number): WorkflowTime {
  const { workflow, sessions } = tracked;
  const steps = workflow.steps.map((_, index) => stepTime(tracked, index, asOf));
  const totalSeconds = sum(steps.map((step) => step.seconds));
  const estimateSeconds = sum(steps.map((step) => step.estimateSeconds));
  return {
    workflowId: workflow.id,
    totalSeconds,
    pausedSeconds: workflow.pausedSeconds + (workflow.pausedAt ? wholeSeconds(workflow.pausedAt, asOf) : 0),
    estimateSeconds,
    ratio: ratioOf(totalSeconds, estimateSeconds),
    band: bandOf(totalSeconds, estimateSeconds),
    steps,
    proposals: sessions.flatMap((session) => proposalsOf(session, asOf, idleSeconds)).slice(-MAX_PROPOSALS),
    rowVersion: workflow.rowVersion,
    asOf: asOf.toISOString(),
  };
}

/** The session that runs, or the last one while paused; null otherwise. */
export function activeSession({ workflow, sessions }: Tracked, asOf: Date): ActiveSession | null {
  const running = sessions.find((session) => session.endedAt === null);
  const session = running ?? (workflow.status === 'paused' ? lastEnded(sessions) : undefined);
  if (!session) return null;
  return {
    sessionId: session.id,
    workflowId: workflow.id,
    stepIndex: session.stepIndex,
    startedAt: session.startedAt.toISOString(),
    elapsedSeconds: sessionSeconds(session, asOf),
    status: running ? 'running' : 'paused',
  };
}

function stepTime({ workflow, sessions }: Tracked, index: number, asOf: Date): StepTime {
  const { name = '', estimateSeconds = 0 } = workflow.steps[index] ?? {};
  const own = sessions.filter((session) => session.stepIndex === index).map((session) => timeSession(session, asOf));
  const seconds = sum(own.map((session) => session.seconds));
  return {
    index,
    name,
    seconds,
    estimateSeconds,
    ratio: ratioOf(seconds, estimateSeconds),
    band: bandOf(seconds, estimateSeconds),
    sessions: own,
  };
}

function timeSession(session: Session, asOf: Date): TimeSession {
  return {
    id: session.id,
    startedAt: session.startedAt.toISOString(),
    endedAt: session.endedAt?.toISOString() ?? null,
    seconds: sessionSeconds(session, asOf),
  };
}

function lastEnded(sessions: Session[]): Session | undefined {
  return sessions.toSorted((a, b) => (a.endedAt?.getTime() ?? 0) - (b.endedAt?.getTime() ?? 0)).at(-1);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

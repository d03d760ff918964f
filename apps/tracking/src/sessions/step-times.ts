import type { Tracked } from './tracked-workflow.js';
import { sessionSeconds } from './workflow-time.js';

/** What one person spent on one ended step: the unit of history, averages and estimates. */
export interface StepTimeRow {
  stepIndex: number;
  stepName: string;
  userId: string;
  status: 'completed' | 'skipped';
  seconds: number;
  /** The template's estimate with which the workflow started. */
  estimateSeconds: number;
  /** ISO 8601. */
  endedAt: string;
}

/** One row per ended step and person. A step that was skipped counts where time was spent on it. */
export function stepTimesOf({ workflow, sessions }: Tracked): StepTimeRow[] {
  return workflow.steps.flatMap((step, stepIndex) => {
    const { status, endedAt } = step;
    if ((status !== 'completed' && status !== 'skipped') || endedAt === null) return [];
    const secondsByUser = new Map<string, number>();
    for (const session of sessions) {
      if (session.stepIndex !== stepIndex) continue;
      const seconds = sessionSeconds(session, new Date(endedAt));
      secondsByUser.set(session.userId, (secondsByUser.get(session.userId) ?? 0) + seconds);
    }
    return [...secondsByUser]
      .filter(([, seconds]) => status === 'completed' || seconds > 0)
      .map(([userId, seconds]) => ({
        stepIndex,
        stepName: step.name,
        userId,
        status,
        seconds,
        estimateSeconds: step.estimateSeconds,
        endedAt,
      }));
  });
}

/** What must be written so that the rows `before` become the rows `after`; a reopened step has no row until it ends. */
export function stepTimeChanges(
  before: StepTimeRow[],
  after: StepTimeRow[],
): { written: StepTimeRow[]; removed: StepTimeRow[] } {
  const old = new Map(before.map((row) => [keyOf(row), row]));
  const kept = new Set(after.map(keyOf));
  return {
    written: after.filter((row) => JSON.stringify(old.get(keyOf(row))) !== JSON.stringify(row)),
    removed: before.filter((row) => !kept.has(keyOf(row))),
  };
}

function keyOf({ stepIndex, userId }: StepTimeRow): string {
  return `${stepIndex} ${userId}`;
}

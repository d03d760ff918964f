import { AppError } from '@qa-pms/contracts';
import type { Session, Tracked } from '../sessions/tracked-workflow.js';
import { DAY_MS } from '../sessions/zone.js';

/** How many days before its workflow a corrected session may start: work that was done before somebody started it. */
const EARLIEST_DAYS = 31;

/** New ends of a session; null leaves one as it is. */
export interface NewSpan {
  startedAt: Date | null;
  endedAt: Date | null;
}

/**
 * The session with its new span. A session may become empty: that is what a cut at its start means.
 * Throws WORKFLOW_INVALID_STATE while it runs, VALIDATION_ERROR without any change, for an end in the future or a start
 * too early, CORRECTION_OVERLAPS when it would end before it starts or overlap another session of the workflow.
 */
export function corrected({ workflow, sessions }: Tracked, session: Session, span: NewSpan, now: Date): Session {
  if (session.endedAt === null) {
    throw new AppError('WORKFLOW_INVALID_STATE', { status: workflow.status, allowed: ['pause'] });
  }
  const startedAt = span.startedAt ?? session.startedAt;
  const endedAt = span.endedAt ?? session.endedAt;
  if (isSame(startedAt, session.startedAt) && isSame(endedAt, session.endedAt)) {
    throw AppError.invalid('', 'isChange', 'startedAt or endedAt must differ from what it is');
  }
  if (endedAt > now) throw AppError.invalid('endedAt', 'isNotInFuture', 'endedAt must not be in the future');
  const earliest = new Date(workflow.startedAt.getTime() - EARLIEST_DAYS * DAY_MS);
  if (startedAt < earliest) {
    throw AppError.invalid('startedAt', 'minDate', `startedAt must not be before ${earliest.toISOString()}`);
  }
  const result = { ...session, startedAt, endedAt };
  if (endedAt < startedAt) throw new AppError('CORRECTION_OVERLAPS', { corrected: spanOf(result), other: null });
  const other = sessions.find((one) => one.id !== session.id && overlaps(result, one));
  if (other) throw new AppError('CORRECTION_OVERLAPS', { corrected: spanOf(result), other: spanOf(other) });
  return result;
}

/** The span of a session as the API shows it. */
export function spanOf({ startedAt, endedAt }: Session): { startedAt: string; endedAt: string | null } {
  return { startedAt: startedAt.toISOString(), endedAt: endedAt?.toISOString() ?? null };
}

/** Spans include their start and not their end; an empty one overlaps what it lies strictly within. */
function overlaps(a: Session, b: Session): boolean {
  return a.startedAt < endOf(b) && b.startedAt < endOf(a);
}

function endOf({ endedAt }: Session): Date | number {
  return endedAt ?? Infinity;
}

function isSame(a: Date, b: Date): boolean {
  return a.getTime() === b.getTime();
}

import { AppError } from '@qa-pms/contracts';
import { can, requireUser } from '@qa-pms/platform';

/** VALIDATION_ERROR with one violation. */
export function invalid(path: string, rule: string, message: string): AppError {
  return new AppError('VALIDATION_ERROR', { violations: [{ path, rule, message }] });
}

/** The moment that an input names, with milliseconds; null where it is left out. Throws VALIDATION_ERROR for 31 February. */
export function momentOf(path: string, value: string | null | undefined): Date | null {
  if (value == null) return null;
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) throw invalid(path, 'isDate', `${path} is not a day of the calendar`);
  return moment;
}

/**
 * Whose rows of history the caller sees: null means everybody's.
 * Throws FORBIDDEN where those of another are asked for without `time:read`.
 */
export function seenUser(asked: string | null | undefined): string | null {
  if (can('time:read')) return asked ?? null;
  const { userId } = requireUser();
  if (asked != null && asked !== userId) throw new AppError('FORBIDDEN', { permission: 'time:read' });
  return userId;
}

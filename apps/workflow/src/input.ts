import { AppError } from '@qa-pms/contracts';

/** VALIDATION_ERROR with one violation. */
export function invalid(path: string, rule: string, message: string): AppError {
  return new AppError('VALIDATION_ERROR', { violations: [{ path, rule, message }] });
}

/**
 * The moment that a filter names; null where it is left out. Throws VALIDATION_ERROR for a day that no calendar has:
 * JavaScript would take 31 February for 3 March, and PostgreSQL would fail.
 */
export function momentOf(path: string, value: string | null | undefined): Date | null {
  if (value == null) return null;
  const day = value.slice(0, 10);
  if (new Date(day).toISOString().slice(0, 10) !== day)
    throw invalid(path, 'isDate', `${path} must be a day of the calendar`);
  return new Date(value);
}

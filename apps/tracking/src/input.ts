import { AppError } from '@qa-pms/contracts';

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

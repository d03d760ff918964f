import { AppError } from '@qa-pms/contracts';

/** Throws PRECONDITION_FAILED where the row is not at the version that a change is based on, if the change names one. */
export function demandVersion({ rowVersion }: { rowVersion: number }, expected: number | null | undefined): void {
  if (expected != null && expected !== rowVersion) throw new AppError('PRECONDITION_FAILED', { rowVersion });
}

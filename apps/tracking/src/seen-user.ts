import { AppError } from '@qa-pms/contracts';
import { can, requireUser } from '@qa-pms/platform';

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

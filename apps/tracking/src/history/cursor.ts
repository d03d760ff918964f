import { AppError } from '@qa-pms/contracts';

/** The last row of a page: the next one starts after it. */
export interface Position {
  /** ISO 8601 with milliseconds. */
  endedAt: string;
  id: string;
}

const POSITION =
  /^((?!0000)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z) ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** A position as clients carry it. */
export function toCursor({ endedAt, id }: Position): string {
  return Buffer.from(`${endedAt} ${id}`).toString('base64url');
}

/** The position of a cursor. Throws VALIDATION_ERROR for what `toCursor` has not made. */
export function fromCursor(cursor: string): Position {
  const [, endedAt = '', id = ''] = POSITION.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  // JavaScript takes 31 February for 3 March, and PostgreSQL fails, as it does for the year 0.
  if (new Date(endedAt).toJSON() !== endedAt)
    throw AppError.invalid('cursor', 'isCursor', 'cursor must be a nextCursor of this list');
  return { endedAt, id };
}

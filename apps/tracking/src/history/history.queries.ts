import type { HistoryFilter } from '@qa-pms/contracts';
import { requireProject } from '@qa-pms/platform';
import { seenUser } from '../seen-user.js';

/** Rows of `step_times` that a filter lets through: $1 to $7 are the answer of `filterValues`. */
export const FILTERED = `FROM tracking.step_times
  WHERE project_id = $1 AND ($2::uuid IS NULL OR user_id = $2) AND ($3::text IS NULL OR ticket_type = $3)
    AND ($4::uuid IS NULL OR template_id = $4) AND ($5::text IS NULL OR step_name = $5)
    AND ($6::timestamptz IS NULL OR ended_at >= $6) AND ($7::timestamptz IS NULL OR ended_at < $7)`;

/** Actual to estimate of a row; null without an estimate. */
export const RATIO = 'seconds::double precision / NULLIF(estimate_seconds, 0)';

/** A filter that is narrowed to what the caller may see. Throws FORBIDDEN. */
export function filterValues(filter: HistoryFilter, from?: Date, to?: Date): unknown[] {
  return [
    requireProject(),
    seenUser(filter.userId),
    filter.ticketType ?? null,
    filter.templateId ?? null,
    filter.step ?? null,
    from ?? filter.from ?? null,
    to ?? filter.to ?? null,
  ];
}

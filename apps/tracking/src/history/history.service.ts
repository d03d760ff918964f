import { Injectable } from '@nestjs/common';
import type { Average, GetAverages, HistoryRow, ListHistory } from '@qa-pms/contracts';
import { Database, type Statement, statement } from '@qa-pms/database';
import { ratioOf, rounded } from '../sessions/seconds.js';
import { fromCursor, toCursor } from './cursor.js';
import { FILTERED, filterValues, RATIO } from './history.queries.js';

type Row = Omit<HistoryRow, 'endedAt' | 'ratio'> & { id: string; endedAt: Date };

const LIST = statement(
  'list-history',
  `SELECT id, workflow_id AS "workflowId", ticket_key AS "ticketKey", ticket_type AS "ticketType",
          template_name AS template, user_id AS "userId", step_index AS "stepIndex", step_name AS "stepName", seconds,
          estimate_seconds AS "estimateSeconds", ended_at AS "endedAt"
   ${FILTERED} AND ($8::timestamptz IS NULL OR (ended_at, id) < ($8, $9::uuid))
   ORDER BY ended_at DESC, id DESC LIMIT $10`,
);

type Group = NonNullable<GetAverages['groupBy']>;

const AVERAGES: Record<Group | 'none', Statement> = {
  none: averages('none', 'NULL::text'),
  user: averages('user', 'user_id::text'),
  ticket_type: averages('ticket_type', 'ticket_type'),
  template: averages('template', 'template_name'),
  step: averages('step', 'step_name'),
};

/** What steps took, row by row and on average. */
@Injectable()
export class HistoryService {
  constructor(private readonly db: Database) {}

  /** Rows from the latest. Throws FORBIDDEN, VALIDATION_ERROR. */
  async list(query: ListHistory): Promise<{ data: HistoryRow[]; nextCursor: string | null }> {
    const limit = query.limit ?? 20;
    const after = query.cursor ? fromCursor(query.cursor) : null;
    // One more than asked for tells whether there is a next page.
    const values = [...filterValues(query), after?.endedAt ?? null, after?.id ?? null, limit + 1];
    const rows = await this.db.read<Row>(LIST, values);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      data: page.map(toHistoryRow),
      nextCursor: last ? toCursor({ endedAt: last.endedAt.toISOString(), id: last.id }) : null,
    };
  }

  /** Averages of each group, of all rows together where none is named. Throws FORBIDDEN, VALIDATION_ERROR. */
  async averages(query: GetAverages): Promise<{ data: Average[] }> {
    const rows = await this.db.read<Average>(AVERAGES[query.groupBy ?? 'none'], filterValues(query));
    const data = rows.map((row) => ({
      ...row,
      meanSeconds: rounded(row.meanSeconds, 1),
      p50Seconds: rounded(row.p50Seconds, 1),
      p80Seconds: rounded(row.p80Seconds, 1),
      meanRatio: row.meanRatio === null ? null : rounded(row.meanRatio, 3),
    }));
    return { data };
  }
}

function toHistoryRow({ id: _id, endedAt, ...row }: Row): HistoryRow {
  return { ...row, ratio: ratioOf(row.seconds, row.estimateSeconds), endedAt: endedAt.toISOString() };
}

function averages(name: string, group: string): Statement {
  return statement(
    `averages-${name}`,
    `SELECT grouping AS "group", count(*)::integer AS count, avg(seconds)::double precision AS "meanSeconds",
            percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS "p50Seconds",
            percentile_cont(0.8) WITHIN GROUP (ORDER BY seconds) AS "p80Seconds", avg(ratio) AS "meanRatio"
       FROM (SELECT ${group} AS grouping, seconds, ${RATIO} AS ratio ${FILTERED}) AS rows
      GROUP BY grouping ORDER BY grouping`,
  );
}

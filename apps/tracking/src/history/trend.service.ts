import { Injectable } from '@nestjs/common';
import { AppError, type GetTrend, type Trend, type TrendPoint } from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { caller } from '@qa-pms/platform';
import { PeopleService } from '../people/people.service.js';
import { rounded } from '../sessions/seconds.js';
import { DAY_MS, isTimeZone, Zone } from '../sessions/zone.js';
import { FILTERED, filterValues, RATIO } from './history.queries.js';
import { intervalStarts, MOST_POINTS, pointsBetween } from './intervals.js';

const DEFAULT_DAYS = 30;

type Row = Omit<TrendPoint, 'start'> & { point: number };

// The starts come from here and not from PostgreSQL: both must know the same time zones alike.
const TREND = statement(
  'trend',
  `SELECT width_bucket(ended_at, $8::timestamptz[]) - 1 AS point, count(*)::integer AS count,
          sum(seconds)::double precision AS seconds, avg(${RATIO}) AS "meanRatio"
   ${FILTERED} GROUP BY 1`,
);

/** What steps took over time. */
@Injectable()
export class TrendService {
  constructor(
    private readonly db: Database,
    private readonly people: PeopleService,
  ) {}

  /** Points without gaps, by default of the last 30 days. Throws FORBIDDEN, VALIDATION_ERROR. */
  async trend(query: GetTrend): Promise<Trend> {
    const interval = query.interval ?? 'day';
    const timeZone = query.timeZone ?? (await this.people.timeZoneOf(caller().userId));
    if (!isTimeZone(timeZone)) throw AppError.invalid('timeZone', 'isTimeZone', 'timeZone must be an IANA time zone');
    const to = query.to ? new Date(query.to) : new Date();
    const from = query.from ? new Date(query.from) : new Date(to.getTime() - DEFAULT_DAYS * DAY_MS);
    if (from >= to) throw AppError.invalid('from', 'isBefore', 'from must be before to');
    if (pointsBetween(from, to, interval) > MOST_POINTS) {
      throw AppError.invalid(
        'from',
        'maxPoints',
        `from and to must not be more than ${String(MOST_POINTS)} points apart`,
      );
    }
    const starts = intervalStarts(from, to, interval, Zone.of(timeZone));
    const rows = await this.db.read<Row>(TREND, [...filterValues(query, from, to), starts]);
    const points = new Map(rows.map((row) => [row.point, row]));
    const series = starts.map((start, index) => toPoint(start, points.get(index)));
    return { interval, timeZone, series };
  }
}

function toPoint(start: Date, row: Row | undefined): TrendPoint {
  const { count = 0, seconds = 0, meanRatio = null } = row ?? {};
  return { start: start.toISOString(), count, seconds, meanRatio: meanRatio === null ? null : rounded(meanRatio, 3) };
}

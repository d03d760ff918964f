import { Injectable } from '@nestjs/common';
import type { UserChanged } from '@qa-pms/contracts';
import { Database, lookup } from '@qa-pms/database';
import { Log } from '@qa-pms/platform';
import { isTimeZone } from '../sessions/zone.js';

const TIME_ZONE = lookup('time-zone', 'SELECT time_zone AS "timeZone" FROM tracking.people WHERE user_id = $1');

/** Time zones of people, who are the same in every project. */
@Injectable()
export class PeopleService {
  constructor(
    private readonly db: Database,
    private readonly log: Log,
  ) {}

  /** Remembers the time zone. One that cannot be computed with counts as UTC. */
  async userChanged({ userId, timeZone }: UserChanged): Promise<void> {
    const known = isTimeZone(timeZone);
    if (!known) this.log.warn({ personId: userId, timeZone }, 'time zone is unknown: UTC is used');
    await this.db.once(async (tx) => {
      await tx.query(
        `INSERT INTO tracking.people (user_id, time_zone) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET time_zone = excluded.time_zone`,
        [userId, known ? timeZone : 'UTC'],
      );
    });
  }

  /** IANA name; UTC where nothing is known, or for the system itself. */
  async timeZoneOf(userId: string | null): Promise<string> {
    const [row] = userId === null ? [] : await this.db.read<{ timeZone: string }>(TIME_ZONE, [userId]);
    return row?.timeZone ?? 'UTC';
  }
}

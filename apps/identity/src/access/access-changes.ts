import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type AccessChanges, MAX_ACCESS_CHANGES } from '@qa-pms/contracts';
import { Database, lookup } from '@qa-pms/database';
import { BackgroundJobs } from '@qa-pms/platform';

const CLEAN_UP_MS = 60_000;

/**
 * What was committed since the cursor, in one snapshot with the next cursor: the oldest transaction that is still open.
 * Younger ones may be among the changes already, and are told again; none is left out.
 */
const SINCE = lookup(
  'identity-access-changes',
  `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS cursor,
          $1::xid8 > pg_snapshot_xmin(pg_current_snapshot()) AS "isUnknown",
          ARRAY(SELECT DISTINCT user_id FROM identity.access_changes WHERE changed_in >= $1::xid8
                 LIMIT ${String(MAX_ACCESS_CHANGES + 1)}) AS "userIds"`,
);

/** Tells whose access has changed. */
@Injectable()
export class AccessChangesService implements OnModuleInit {
  constructor(
    private readonly db: Database,
    private readonly jobs: BackgroundJobs,
  ) {}

  onModuleInit(): void {
    this.jobs.every(CLEAN_UP_MS, 'forget old changes of access', () => this.cleanUp());
  }

  async since(cursor: string | null): Promise<AccessChanges> {
    const [row] = await this.db.read<{ cursor: string; isUnknown: boolean; userIds: string[] }>(SINCE, [cursor]);
    const { cursor: next, isUnknown, userIds } = row!;
    // A cursor from the future is one of another database: this one was restored.
    const everybody = cursor === null || isUnknown || userIds.length > MAX_ACCESS_CHANGES;
    return { cursor: next, everybody, userIds: everybody ? [] : userIds };
  }

  /** Gateways ask twice a second, and after half a minute without an answer for everybody. */
  private async cleanUp(): Promise<void> {
    await this.db.transaction((tx) =>
      tx.query(`DELETE FROM identity.access_changes WHERE changed_at < now() - interval '10 min'`),
    );
  }
}

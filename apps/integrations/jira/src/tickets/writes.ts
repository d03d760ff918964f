import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import { Database, statement, type Transaction } from '@qa-pms/database';
import { BackgroundJobs, currentContext, requireProject } from '@qa-pms/platform';

const FIND_WRITE = statement(
  'jira-find-write',
  'SELECT ticket_key, target, started_at, done_at FROM jira.writes WHERE project_id = $1 AND message_id = $2',
);

/** As long as the inbox keeps what may come again: reports are posted at an event, which may be delivered for 7 days. */
const KEEP_DAYS = 8;
const CLEAN_UP_MS = 60 * 60_000;

/** A call to Jira that the current command has begun. */
export interface Write {
  /** Jira's name of the status that it leads to; null for comments. */
  target: string | null;
  startedAt: Date;
  done: boolean;
}

/**
 * Remembers, before Jira is called, that it is about to be: Jira knows no idempotency keys, so a command that is delivered
 * again after a crash must find out whether its call arrived.
 */
@Injectable()
export class Writes implements OnApplicationBootstrap {
  constructor(
    private readonly db: Database,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.every(CLEAN_UP_MS, 'clean up writes', () => this.cleanUp());
  }

  /** Forgets what no message can come again for. */
  async cleanUp(): Promise<void> {
    await this.db.acrossProjects.transaction((tx) =>
      tx.query(`DELETE FROM jira.writes WHERE started_at < now() - interval '${String(KEEP_DAYS)} days'`),
    );
  }

  /** What an earlier delivery of the current message has begun. Throws IDEMPOTENCY_KEY_REUSED where it was about another ticket. */
  async find(ticketKey: string): Promise<Write | null> {
    const values = [requireProject(), currentContext().messageId];
    const [row] = await this.db.read<{
      ticket_key: string;
      target: string | null;
      started_at: Date;
      done_at: Date | null;
    }>(FIND_WRITE, values);
    if (!row) return null;
    if (row.ticket_key !== ticketKey) throw new AppError('IDEMPOTENCY_KEY_REUSED');
    return { target: row.target, startedAt: row.started_at, done: row.done_at !== null };
  }

  /** Notes that the current message is about to write; with the same `Idempotency-Key` it may be a new one after a day. */
  async begin(ticketKey: string, target: string | null): Promise<void> {
    await this.db.transaction((tx) =>
      tx.query(
        `INSERT INTO jira.writes (message_id, project_id, ticket_key, target) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT writes_pk_message_id DO UPDATE
           SET target = excluded.target, started_at = now(), done_at = NULL WHERE writes.done_at IS NOT NULL`,
        [currentContext().messageId, requireProject(), ticketKey, target],
      ),
    );
  }

  /** Notes that Jira has it. */
  async done(tx: Transaction): Promise<void> {
    await tx.query('UPDATE jira.writes SET done_at = now() WHERE project_id = $1 AND message_id = $2', [
      requireProject(),
      currentContext().messageId,
    ]);
  }
}

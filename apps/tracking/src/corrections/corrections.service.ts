import { Injectable } from '@nestjs/common';
import { AppError, type Correction, type CorrectSession } from '@qa-pms/contracts';
import { Database, lookup, statement, type Transaction } from '@qa-pms/database';
import { can, requireProject, requireUser } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { readTracked, type StoredTracked, storeSession, storeWorkflow } from '../sessions/sessions.queries.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Session } from '../sessions/tracked-workflow.js';
import { corrected, spanOf } from './correction.rules.js';

const SESSION = lookup(
  'sessions-owner',
  'SELECT workflow_id AS "workflowId", user_id AS "userId" FROM tracking.time_sessions WHERE id = $1',
);
const STORE = statement(
  'corrections-store',
  `INSERT INTO tracking.corrections (id, project_id, session_id, before_started_at, before_ended_at, after_started_at,
     after_ended_at, reason, corrected_by, corrected_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
);

/** Corrects what was measured; before, after, who and why are kept for ever. */
@Injectable()
export class CorrectionsService {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionsService,
  ) {}

  /** Corrects one's own session, or any with `time:correct:any`. Throws SESSION_NOT_FOUND and what `corrected` throws. */
  correct(command: CorrectSession): Promise<Correction> {
    const { userId } = requireUser();
    const span = {
      startedAt: command.startedAt ? new Date(command.startedAt) : null,
      endedAt: command.endedAt ? new Date(command.endedAt) : null,
    };
    return this.db.once(async (tx) => {
      const { tracked, session } = await this.find(command.id, userId);
      const now = new Date();
      const after = corrected(tracked, session, span, now);
      const sessions = tracked.sessions
        .map((one) => (one.id === after.id ? after : one))
        .sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
      const correction = {
        id: uuidv7(),
        sessionId: session.id,
        before: spanOf(session),
        after: spanOf(after),
        reason: command.reason,
        by: userId,
        at: now.toISOString(),
      };
      storeWorkflow(tx, tracked, tracked.workflow);
      store(tx, correction);
      const result = { workflow: tracked.workflow, sessions };
      storeSession(tx, tracked.workflow, after);
      await this.sessions.storeHistory(tx, tracked, result, now);
      if (tracked.workflow.endedAt !== null) this.sessions.publishTimes(tx, result);
      return correction;
    });
  }

  private async find(id: string, userId: string): Promise<{ tracked: StoredTracked; session: Session }> {
    const [found] = await this.db.read<{ workflowId: string; userId: string }>(SESSION, [id]);
    const mayCorrect = found !== undefined && (found.userId === userId || can('time:correct:any'));
    const tracked = mayCorrect ? await readTracked(this.db, found.workflowId) : null;
    const session = tracked?.sessions.find((one) => one.id === id);
    if (!tracked || !session) throw new AppError('SESSION_NOT_FOUND', { id });
    return { tracked, session };
  }
}

function store(tx: Transaction, { before, after, ...correction }: Correction): void {
  tx.write(STORE, [
    correction.id,
    requireProject(),
    correction.sessionId,
    before.startedAt,
    before.endedAt,
    after.startedAt,
    after.endedAt,
    correction.reason,
    correction.by,
    correction.at,
  ]);
}

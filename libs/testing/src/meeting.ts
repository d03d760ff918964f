import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

/** A statement that changes one row. */
export type OneRow = [sql: string, values: unknown[]];

/**
 * Asks for something while another transaction on a project has changed rows and not yet committed; that one commits once
 * this one waits for it. Throws where nobody waits within 5 s.
 */
export async function meeting<T>(
  databaseUrl: string,
  projectId: string,
  changes: OneRow[],
  ask: () => Promise<T>,
): Promise<T> {
  const other = new Client({ connectionString: databaseUrl });
  await other.connect();
  try {
    await other.query('BEGIN');
    await other.query(`SELECT set_config('qa.project_id', $1, true)`, [projectId]);
    for (const [sql, values] of changes) {
      const { rowCount } = await other.query(sql, values);
      if (rowCount !== 1) throw new Error(`Not one row but ${String(rowCount)} changed: ${sql}`);
    }
    const [answer] = await Promise.all([ask(), untilOneWaits(other).then(() => other.query('COMMIT'))]);
    return answer;
  } finally {
    await other.end();
  }
}

async function untilOneWaits(client: Client): Promise<void> {
  const limit = Date.now() + 5_000;
  for (;;) {
    const { rowCount } = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount) return;
    if (Date.now() > limit) throw new Error('Nobody waited within 5 s.');
    await sleep(10);
  }
}

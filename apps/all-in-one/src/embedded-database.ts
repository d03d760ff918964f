import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type EmbeddedPostgres, holdsCluster, runningAdminUrl, startEmbeddedPostgres } from '@qa-pms/database/embedded';
import type { Log } from '@qa-pms/platform';
import pg from 'pg';

const ROLE = 'qa_pms';

export interface EmbeddedDatabase {
  /** Address for the services: a role that is no superuser, so that row-level security binds it. */
  url: string;
  server: EmbeddedPostgres;
}

/** Whether a data folder has a database of its own. */
export function hasEmbeddedDatabase(dataDir: string): boolean {
  return holdsCluster(join(dataDir, 'postgres'));
}

/** Address of the product's database where the embedded server of a data folder runs in another process, else null. */
export function runningEmbeddedDatabase(dataDir: string): string | null {
  const admin = runningAdminUrl(join(dataDir, 'postgres'));
  if (admin === null) return null;
  const url = new URL(admin);
  url.pathname = `/${ROLE}`;
  // The role's own password is known to the process alone that runs it.
  url.searchParams.set('options', `-c role=${ROLE}`);
  return url.href;
}

/** Starts the embedded PostgreSQL of a data folder, with the product's role and database. */
export async function startEmbeddedDatabase(dataDir: string, log?: () => Log | null): Promise<EmbeddedDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir: join(dataDir, 'postgres'),
    persistent: true,
    ...(log && { log }),
  });
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  try {
    // A new password at every start: nobody has to keep it.
    const password = randomBytes(24).toString('base64url');
    const { rows } = await admin.query<{ role: boolean; database: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role, EXISTS (SELECT FROM pg_database WHERE datname = $1) AS database`,
      [ROLE],
    );
    await admin.query(`${rows[0]?.role ? 'ALTER' : 'CREATE'} ROLE ${ROLE} LOGIN PASSWORD '${password}'`);
    if (!rows[0]?.database) await admin.query(`CREATE DATABASE ${ROLE} OWNER ${ROLE}`);
    return { url: `postgres://${ROLE}:${password}@${server.address}/${ROLE}`, server };
  } catch (error) {
    await server.stop();
    throw error;
  } finally {
    await admin.end();
  }
}

import { randomBytes } from 'node:crypto';
import pg from 'pg';

const { Client, escapeIdentifier, escapeLiteral } = pg;

/** A database of one test file. */
export interface TestDatabase {
  /** URL of an ordinary role that owns the database: row-level security holds for it. */
  url: string;
  /** Removes the database and its role, whoever is still connected. */
  stop: () => Promise<void>;
}

/** Where the run's global setup says which server the tests use. */
export const ADMIN_URL_VARIABLE = 'QA_PMS_TEST_ADMIN_URL';

/**
 * A fresh, empty database with an owner of its own, in the server of this test run: the embedded one,
 * `TEST_DATABASE_URL` (a superuser's), or with `TEST_POSTGRES=container` one in Docker.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const adminUrl = process.env[ADMIN_URL_VARIABLE];
  if (!adminUrl) throw new Error('The test run has no PostgreSQL: start Jest with the root jest.config.js.');
  return createDatabase(adminUrl, `test_${randomBytes(6).toString('hex')}`);
}

/** Makes a role and a database of the same name, which it owns. */
export async function createDatabase(adminUrl: string, name: string): Promise<TestDatabase> {
  const password = randomBytes(18).toString('base64url');
  const id = escapeIdentifier(name);
  await withAdmin(adminUrl, async (admin) => {
    await admin.query(`CREATE ROLE ${id} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ${escapeLiteral(password)}`);
    await admin.query(`CREATE DATABASE ${id} OWNER ${id}`);
  });
  const url = new URL(adminUrl);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  const stop = (): Promise<void> =>
    withAdmin(adminUrl, async (admin) => {
      await admin.query(`DROP DATABASE IF EXISTS ${id} WITH (FORCE)`);
      await admin.query(`DROP ROLE IF EXISTS ${id}`);
    });
  return { url: url.href, stop };
}

async function withAdmin(url: string, work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@qa-pms/database/embedded';
import { KAFKA_PROBLEM_VARIABLE, kafkaAvailability } from './kafka.js';
import { ADMIN_URL_VARIABLE } from './test-database.js';

const toStop: (() => Promise<unknown>)[] = [];

/** Starts the one PostgreSQL server of a test run; its workers find it in their environment. */
export async function setUp(): Promise<void> {
  // Each project of the configuration calls this.
  if (process.env[ADMIN_URL_VARIABLE]) return;
  const [adminUrl, kafka] = await Promise.all([startServer(), kafkaAvailability()]);
  process.env[ADMIN_URL_VARIABLE] = adminUrl;
  process.env[KAFKA_PROBLEM_VARIABLE] = kafka.problem ?? '';
}

/** Stops what setUp started. */
export async function tearDown(): Promise<void> {
  process.env[ADMIN_URL_VARIABLE] = '';
  for (const stop of toStop.splice(0)) await stop();
}

async function startServer(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return given;
  if (process.env['TEST_POSTGRES'] === 'container') {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer('postgres:18').start();
    toStop.push(() => container.stop());
    return container.getConnectionUri();
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-test-'));
  const settings = { max_connections: '300' };
  const server = await startEmbeddedPostgres({ dataDir, persistent: false, durable: false, settings });
  toStop.push(() => server.stop());
  return server.adminUrl;
}

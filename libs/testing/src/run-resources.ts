import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@qa-pms/database/embedded';
import { dockerProblem } from './docker.js';
import { KAFKA_PROBLEM_VARIABLE, kafkaAvailability } from './kafka.js';
import { ADMIN_URL_VARIABLE } from './test-database.js';

const POSTGRES_IMAGE = 'postgres:18';
/** Each worker of Jest has databases of its own, with pools for every service that it starts. */
const SETTINGS = { max_connections: '300' };

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

/** A server that is given, one in Docker where that has the image, else the embedded one; the variable chooses. */
async function startServer(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return given;
  const wanted = process.env['TEST_POSTGRES'];
  if (wanted === 'container') return startInDocker();
  if (wanted === 'embedded' || (await dockerProblem(POSTGRES_IMAGE)) !== null) return startEmbedded();
  try {
    return await startInDocker();
  } catch (error) {
    console.warn(`PostgreSQL did not start in Docker: the tests use the embedded one. ${String(error)}`);
    return startEmbedded();
  }
}

async function startInDocker(): Promise<string> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const settings = Object.entries({ ...SETTINGS, fsync: 'off' }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = await new PostgreSqlContainer(POSTGRES_IMAGE).withCommand(['postgres', ...settings]).start();
  toStop.push(() => container.stop());
  return container.getConnectionUri();
}

async function startEmbedded(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-test-'));
  const server = await startEmbeddedPostgres({ dataDir, persistent: false, durable: false, settings: SETTINGS });
  toStop.push(() => server.stop());
  return server.adminUrl;
}

import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Configuration } from '@qa-pms/platform';
import { startTestDatabase } from '@qa-pms/testing';
import { startAllInOne } from '../src/all-in-one.js';

describe('the health of all-in-one', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-all-in-one-'));
    // Else PostgreSQL's user could not enter it, and the database would lie elsewhere.
    await chmod(dataDir, 0o755);
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  async function messages(environment: Record<string, string>): Promise<Record<string, string>> {
    const given = {
      DATA_DIR: dataDir,
      PORT: '0',
      TARGET: 'identity',
      DEMO: 'false',
      LOG_LEVEL: 'silent',
      ...environment,
    };
    const allInOne = await startAllInOne(Configuration.fromEnvironment(given), () => undefined);
    const { health } = allInOne.running.runtime;
    let { checks } = await health.report();
    const isLate = (): boolean => Object.values(checks).some(({ message }) => message.startsWith('timeout'));
    for (let tries = 0; isLate() && tries < 20; tries += 1) {
      // A part that a busy machine keeps waiting is asked again after a second.
      await sleep(1_100);
      ({ checks } = await health.report());
    }
    await allInOne.stop('test');
    return Object.fromEntries(Object.entries(checks).map(([name, { message }]) => [name, message]));
  }

  it('looks at the disk that its embedded database fills', async () => {
    const found = await messages({});

    expect(found['data']).toMatch(/^\d+ % free at /);
    expect(found['data']).toContain(join(dataDir, 'postgres'));
  }, 60_000);

  it('is good again after its embedded database was killed', async () => {
    const given = { DATA_DIR: dataDir, PORT: '0', TARGET: 'identity', DEMO: 'false', LOG_LEVEL: 'silent' };
    const { running, stop } = await startAllInOne(Configuration.fromEnvironment(given), () => undefined);
    const lockFile = join(dataDir, 'postgres/cluster/postmaster.pid');
    const pid = Number.parseInt(await readFile(lockFile, 'utf8'));

    process.kill(pid, 'SIGKILL');
    let status: string | undefined;
    for (let tries = 0; tries < 20 && status !== 'healthy'; tries += 1) {
      // An answer is kept for a second: what it says before that is of the server before.
      await sleep(1_100);
      status = (await running.runtime.health.report()).checks['database']?.status;
    }
    const now = Number.parseInt(await readFile(lockFile, 'utf8'));
    await stop('test');

    expect(status).toBe('healthy');
    expect(now).not.toBe(pid);
  }, 60_000);

  it('leaves the disk of another database to that, and needs no folder to keep nothing in', async () => {
    const database = await startTestDatabase();
    const given = { DATABASE_URL: database.url, ENCRYPTION_KEY: 'ab'.repeat(32), DATA_DIR: '/etc/hostname/data' };

    const found = await messages(given);
    await database.stop();

    expect(Object.keys(found).sort()).toEqual(['consumer', 'database', 'disk', 'memory', 'migrations']);
  });
});

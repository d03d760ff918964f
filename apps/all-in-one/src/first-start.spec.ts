import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEMO_USERS } from './demo.js';
import { demoLogins, prepareDataFolder } from './first-start.js';

describe('the data folder', () => {
  it('is made with those above it, for its owner only, and taken as it is when it is there', async () => {
    const above = await mkdtemp(join(tmpdir(), 'qa-pms-data-'));
    const dataDir = join(above, 'qa', 'data');

    await prepareDataFolder(dataDir);
    await prepareDataFolder(dataDir);

    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    await rm(above, { recursive: true });
  });

  // A file, and a file system that says that what is above is missing.
  it.each(['/etc/hostname', '/etc/hostname/data', '/proc/data', '/proc/data/qa'])(
    'is refused with what to do at %s',
    async (dataDir) => {
      const refusal = `The data folder ${dataDir} cannot be written`;

      await expect(prepareDataFolder(dataDir)).rejects.toThrow(refusal);
    },
  );
});

describe("the demonstration's passwords", () => {
  it('are made once, differ, and can be read by their owner only', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-data-'));

    const made = await demoLogins(dataDir, DEMO_USERS);
    const found = await demoLogins(dataDir, DEMO_USERS);

    const file = join(dataDir, 'demo-users.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(made);
    expect(found).toEqual(made);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const roles = Object.fromEntries(made.map((login) => [login.username, login.roles.join()]));
    expect(roles).toEqual({
      admin: 'admin',
      pm: 'pm',
      po: 'po',
      lead: 'tech_lead',
      manager: 'qa_manager',
      support: 'support',
      qa: 'qa',
      qa2: 'qa',
      pipeline: 'event_manager',
    });
    expect(new Set(made.map(({ password }) => password)).size).toBe(9);
    await rm(dataDir, { recursive: true });
  });
});

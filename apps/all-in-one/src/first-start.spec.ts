import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { prepareDataFolder } from './first-start.js';

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

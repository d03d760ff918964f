import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { probeIsolation } from '@qa-pms/database';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { trackingDatabase } from '../src/tracking.database.js';
import { team, Tracking, worked } from './tracking.fixture.js';

let tracking: Tracking;
let owner: pg.Client;

beforeAll(async () => {
  tracking = await Tracking.start();
  owner = new pg.Client({ connectionString: tracking.databaseUrl });
  await owner.connect();
  for (const { quinn, ...rest } of [team(), team()]) await worked(tracking, rest, quinn.userId, [60, 60]);
});

afterAll(async () => {
  await owner.end();
  await tracking.stop();
});

const probed = async () => {
  const tables = await probeIsolation(tracking.service.get(DataSource), trackingDatabase);
  return Object.fromEntries(tables.map(({ table, ...facts }) => [table, facts]));
};

describe('the probe of isolation', () => {
  it('finds every table with rows of projects, and no way from one to another', async () => {
    const tables = await probed();

    expect(Object.keys(tables)).toEqual([
      'corrections',
      'gap_alerts',
      'step_times',
      'templates',
      'time_sessions',
      'tracked_workflows',
    ]);
    expect(tables['step_times']).toEqual({ projects: 2, rows: 4, exception: null, faults: [] });
    expect(Object.values(tables).flatMap(({ faults }) => faults)).toEqual([]);
  });

  it('finds a policy that lets everybody see', async () => {
    await owner.query('CREATE POLICY open ON tracking.step_times FOR SELECT USING (true)');

    const { step_times: found } = await probed();
    await owner.query('DROP POLICY open ON tracking.step_times');

    const others = expect.stringMatching(/^Project \S+ sees rows of others\.$/);
    expect(found?.faults).toEqual([
      'Without a project rows are seen.',
      'A project that does not exist sees rows of others.',
      others,
      others,
    ]);
  });

  it('finds a policy that lets rows be made in another project', async () => {
    await owner.query('CREATE POLICY open ON tracking.templates FOR INSERT WITH CHECK (true)');

    const { templates: found } = await probed();
    await owner.query('DROP POLICY open ON tracking.templates');

    expect(found?.faults).toEqual(['A row can be made in another project.']);
  });

  it('finds a table without policies', async () => {
    await owner.query('ALTER TABLE tracking.gap_alerts NO FORCE ROW LEVEL SECURITY');

    const { gap_alerts: found } = await probed();
    await owner.query('ALTER TABLE tracking.gap_alerts FORCE ROW LEVEL SECURITY');

    expect(found?.faults[0]).toBe('Row-level security is off, or not forced on its owner.');
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pendingMigrations, revertMigration, runMigrations } from '@qa-pms/database';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { person, Story, Tracking } from './tracking.fixture.js';

let tracking: Tracking;

beforeAll(async () => {
  tracking = await Tracking.start();
});

afterAll(() => tracking.stop());

describe('the migrations of tracking', () => {
  it('can be taken back and applied again', async () => {
    const dataSource: DataSource = tracking.service.get(DataSource);

    const reverted = await revertMigration(dataSource, 'tracking');
    const pending = await pendingMigrations(dataSource, 'tracking');
    const applied = await runMigrations(dataSource, 'tracking');

    expect(pending).toEqual([reverted]);
    expect(applied).toEqual([reverted]);
    const project = uuidv7();
    const quinn = person(project);
    const told = await new Story(tracking, project, quinn.userId).start();
    await expect(tracking.time(told.id, quinn)).resolves.toMatchObject({ workflowId: told.id });
  });
});

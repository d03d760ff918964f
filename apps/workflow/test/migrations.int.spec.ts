import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListTemplates } from '@qa-pms/contracts';
import { pendingMigrations, revertMigration, runMigrations } from '@qa-pms/database';
import { DataSource } from 'typeorm';
import { team, Workflows } from './workflow.fixture.js';

let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start();
});

afterAll(() => workflows.stop());

describe('the migrations of workflow', () => {
  it('can all be taken back and applied again', async () => {
    const dataSource: DataSource = workflows.service.get(DataSource);
    const reverted: (string | null)[] = [];
    for (const _ of dataSource.migrations) reverted.unshift(await revertMigration(dataSource, 'workflow'));

    const pending = await pendingMigrations(dataSource, 'workflow');
    const applied = await runMigrations(dataSource, 'workflow');

    expect(pending).toEqual(reverted);
    expect(applied).toEqual(reverted);
    const { quinn } = team();
    const templates = await workflows.service.request(ListTemplates, {}, { caller: quinn });
    expect(templates.data.map(({ name }) => name)).toEqual(['Bug fix', 'Feature test', 'Regression']);
    await expect(workflows.begin(quinn)).resolves.toMatchObject({ status: 'active' });
  });
});

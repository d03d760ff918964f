import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pendingMigrations, revertMigration, runMigrations } from '@qa-pms/database';
import { DataSource } from 'typeorm';
import { Identity } from './identity.fixture.js';

let identity: Identity;

beforeAll(async () => {
  identity = await Identity.start();
});

afterAll(() => identity.stop());

describe('the migrations of identity', () => {
  it('can all be taken back and applied again', async () => {
    const dataSource: DataSource = identity.service.get(DataSource);
    const reverted: (string | null)[] = [];
    for (const _ of dataSource.migrations) reverted.unshift(await revertMigration(dataSource, 'identity'));

    const pending = await pendingMigrations(dataSource, 'identity');
    const applied = await runMigrations(dataSource, 'identity');

    expect(pending).toEqual(reverted);
    expect(applied).toEqual(reverted);
    await expect(identity.user('after', ['qa'])).resolves.toMatchObject({ username: 'after' });
  });
});

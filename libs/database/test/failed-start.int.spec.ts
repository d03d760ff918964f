import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DatabaseModule, DatabaseSettings } from '@qa-pms/database';
import { BackgroundJobs, defineService } from '@qa-pms/platform';
import { startService, startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { DataSource } from 'typeorm';

/** What the service that cannot start has begun. */
const begun: { dataSource: DataSource | null; jobs: string[] } = { dataSource: null, jobs: [] };

@Injectable()
class CannotStart implements OnApplicationBootstrap {
  constructor(
    private readonly dataSource: DataSource,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    begun.dataSource = this.dataSource;
    this.jobs.every(1, 'a job', async () => {
      begun.jobs.push('begun');
      await sleep(100);
      begun.jobs.push('ended');
    });
    throw new Error('It cannot start.');
  }
}

const database = { schema: 'toy', entities: [], migrations: [] };

@Module({ imports: [DatabaseModule.forService(database)], providers: [CannotStart] })
class ToyModule {}

describe('a start that fails', () => {
  let testDatabase: TestDatabase;

  beforeAll(async () => {
    testDatabase = await startTestDatabase();
  });
  afterAll(() => testDatabase.stop());

  it('says why, and has ended its background jobs, its outbox and its connections by then', async () => {
    const toy = defineService({ name: 'tracking', module: ToyModule, settings: [DatabaseSettings], database });

    const start = startService(toy, { databaseUrl: testDatabase.url });

    await expect(start).rejects.toThrow('It cannot start.');
    // On a busy machine it may have run more than once: each run has ended, and no other follows.
    const jobs = [...begun.jobs];
    expect(jobs).toEqual(Array.from({ length: Math.max(1, jobs.length / 2) }, () => ['begun', 'ended']).flat());
    await sleep(200);
    expect(begun.jobs).toEqual(jobs);
    // The connections end after the outbox, which needs one.
    expect(begun.dataSource?.isInitialized).toBe(false);
  });
});

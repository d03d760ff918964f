import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report, Workflow } from '@qa-pms/contracts';
import { freePort } from '@qa-pms/database/embedded';
import { startTestDatabase } from '@qa-pms/testing';
import pg from 'pg';
import type { Api } from './api.js';
import { expectAgreement, ticketKeys } from './checks.js';
import { qaPms } from './command.js';
import { removeDataFolder, startAllInOneSystem } from './system.js';

const WORKERS = 6;
const TICKETS = 25;

/**
 * Made by version 0.1.0 on PostgreSQL 17.10 with `backup --with-secrets`, of a demonstration that nothing else remains of:
 * six workflows that are completed, and two with all their steps done.
 */
const OF_POSTGRES_17 = join(import.meta.dirname, 'fixtures/backup-postgres-17.tar.gz');

/** Starts a workflow, works through it and completes it; gives its id, and its version after each change. */
async function work(api: Api, ticketKey: string, versions: Map<string, number[]>): Promise<void> {
  const { body: started } = await api.post<Workflow>('/workflows', { ticketKey, onActive: 'restart' });
  const { id } = started;
  const seen = [started.rowVersion];
  versions.set(id, seen);
  for (let step = 0; step < started.steps.length; step += 1) {
    const path = `/workflows/${id}/steps/${String(step)}/complete`;
    const { status, body } = await api.post<Workflow>(path, { notes: `a\tb\\n\n„${ticketKey}“ \u{1F642}` });
    expect(status).toBe(200);
    seen.push(body.rowVersion);
  }
  const { body } = await api.post<Workflow>(`/workflows/${id}/complete`, { outcome: 'passed' });
  seen.push(body.rowVersion);
}

describe('a backup of an older PostgreSQL and of this or an earlier version', () => {
  it('goes into the embedded one, with all that was in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qa-pms-backup-'));
    const dataDir = join(folder, 'data');

    const restored = await qaPms(['restore', OF_POSTGRES_17, '-o', 'json'], { DATA_DIR: dataDir });
    expect(restored).toMatchObject({ code: 0, err: '' });
    const system = await startAllInOneSystem({ DATA_DIR: dataDir });
    try {
      const qa = await system.signIn('qa');
      const { body: list } = await qa.get<{ data: Workflow[] }>('/workflows?page_size=100');
      expect(list.data.map(({ status }) => status).sort()).toEqual([
        ...Array.from({ length: 2 }, () => 'active'),
        ...Array.from({ length: 6 }, () => 'completed'),
      ]);
      for (const { id } of list.data) {
        const { body } = await qa.get<Workflow>(`/workflows/${id}`);
        await expectAgreement(qa, id, body.rowVersion);
        expect(body.steps[0]?.notes).toBe('ä\t\\N\n\u{1F642}');
        if (body.status === 'completed') expect((await qa.get(`/reports/workflow/${id}`)).status).toBe(200);
      }
    } finally {
      await system.stop();
      await removeDataFolder(dataDir);
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
});

describe('a backup', () => {
  let folder: string;
  let file: string;
  let system: Awaited<ReturnType<typeof startAllInOneSystem>>;
  const versions = new Map<string, number[]>();
  let before: Map<string, Workflow>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-backup-'));
    file = join(folder, 'one.tar.gz');
    system = await startAllInOneSystem();
    const qa = await system.signIn('qa');
    const keys = await ticketKeys(qa, TICKETS);
    await work(qa, keys.pop()!, versions);
    before = new Map();
    for (const id of versions.keys()) before.set(id, (await qa.get<Workflow>(`/workflows/${id}`)).body);
    let stop = false;
    const workers = Array.from({ length: WORKERS }, async (_, worker) => {
      for (let turn = worker; !stop; turn += WORKERS) await work(qa, keys[turn % keys.length]!, versions);
    });
    const taken = await qaPms(['backup', file, '--with-secrets', '-o', 'json'], { DATA_DIR: system.dataDir });
    // What comes after its moment is not in it.
    const late = versions.size;
    while (versions.size < late + WORKERS) await sleep(20);
    stop = true;
    await Promise.all(workers);
    expect(taken).toMatchObject({ code: 0, err: '' });
    await system.processes.get('all')?.stop();
  }, 180_000);

  afterAll(async () => {
    await system.stop();
    await removeDataFolder(join(folder, 'new'));
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('that was taken while workflows changed is restored into a new data folder, whole and consistent', async () => {
    const dataDir = join(folder, 'new');

    const restored = await qaPms(['restore', file], { DATA_DIR: dataDir });
    expect(restored).toMatchObject({ code: 0, err: '' });
    const again = await startAllInOneSystem({ DATA_DIR: dataDir });
    try {
      const qa = await again.signIn('qa');

      let whole = 0;
      let midway = 0;
      let later = 0;
      for (const [id, seen] of versions) {
        const { status, body } = await qa.get<Workflow>(`/workflows/${id}`);
        // Begun after the moment of the backup.
        if (status === 404) later += 1;
        if (status === 404) continue;
        expect(seen).toContain(body.rowVersion);
        await expectAgreement(qa, id, body.rowVersion);
        if (body.status !== 'completed') {
          midway += 1;
          continue;
        }
        whole += 1;
        const { body: report } = await qa.get<Report>(`/reports/workflow/${id}`);
        const { status: exported, text } = await qa.get(`/reports/${report.id}/export?format=md`);
        expect(exported).toBe(200);
        expect(text).toContain('# QA report');
      }
      expect(whole).toBeGreaterThanOrEqual(before.size);
      expect(later).toBeGreaterThan(0);
      for (const [id, workflow] of before) expect((await qa.get<Workflow>(`/workflows/${id}`)).body).toEqual(workflow);
      process.stderr.write(
        `restored ${String(whole)} completed workflows, ${String(midway)} in work; ${String(later)} came later\n`,
      );
      const [fresh] = await ticketKeys(qa, 1);
      await work(qa, fresh!, new Map());
    } finally {
      await again.stop();
    }
  }, 180_000);

  it('goes into a database of a server as well, and comes out of it the same', async () => {
    const database = await startTestDatabase();
    const second = join(folder, 'second.tar.gz');
    const environment = { DATABASE_URL: database.url, DATA_DIR: system.dataDir };

    const restored = await qaPms(['restore', file, '-o', 'json'], environment);
    const taken = await qaPms(['backup', second, '-o', 'json'], environment);
    await database.stop();

    expect(restored).toMatchObject({ code: 0, err: '' });
    expect(taken).toMatchObject({ code: 0, err: '' });
    const rows = (answer: string): unknown => (JSON.parse(answer) as { rows: number }).rows;
    const sum = (JSON.parse(taken.out) as { schemas: { rows: number }[] }).schemas.reduce(
      (all, one) => all + one.rows,
      0,
    );
    expect(sum).toBe(rows(restored.out));
  }, 60_000);

  it('is refused over data, unless it is said to replace that', async () => {
    const database = await startTestDatabase();
    const environment = { DATABASE_URL: database.url, DATA_DIR: system.dataDir };
    await qaPms(['migrate', 'run'], environment);

    const refused = await qaPms(['restore', file], environment);
    const forced = await qaPms(['restore', file, '--force'], environment);
    await database.stop();

    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('The database holds data (identity, jira, tracking, workflow): --force'),
    });
    expect(forced.code).toBe(0);
  }, 60_000);

  it('is refused while services use the database', async () => {
    const database = await startTestDatabase();
    const client = new pg.Client({ connectionString: database.url, application_name: 'qa-pms tracking' });
    await client.connect();

    const refused = await qaPms(['restore', file, '--force'], { DATABASE_URL: database.url, DATA_DIR: system.dataDir });
    await client.end();
    await database.stop();

    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Stop the services first') });
  }, 60_000);

  it('is refused without the master key that it needs', async () => {
    const database = await startTestDatabase();
    const environment = { DATABASE_URL: database.url, DATA_DIR: join(folder, 'none'), ENCRYPTION_KEY: '11'.repeat(32) };

    const refused = await qaPms(['restore', file], environment);
    await database.stop();

    expect(refused).toMatchObject({ code: 78, err: expect.stringMatching(/needs master key \w{8} \(ours: \w{8}\)/) });
  }, 60_000);

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1_000)],
    ['empty', () => Buffer.alloc(0)],
    ['no archive', () => Buffer.from('something else')],
    ['changed in one bit', (bytes: Buffer) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))],
  ])(
    'that is %s is refused before anything is touched',
    async (_how, damage) => {
      const database = await startTestDatabase();
      const damaged = join(folder, 'damaged.tar.gz');
      await writeFile(damaged, damage(await readFile(file)));

      const refused = await qaPms(['restore', damaged], { DATABASE_URL: database.url, DATA_DIR: system.dataDir });
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const { rows } = await client.query("SELECT FROM pg_namespace WHERE nspname IN ('identity', 'workflow')");
      await client.end();
      await database.stop();

      expect(refused).toMatchObject({
        code: 1,
        err: expect.stringMatching(/is damaged, or no backup \(.+\): nothing was changed/),
      });
      expect(rows).toEqual([]);
    },
    60_000,
  );

  it('may be read by its owner only, and is not replaced by accident', async () => {
    const { mode } = await stat(file);

    const refused = await qaPms(['backup', file], { DATA_DIR: system.dataDir });

    expect(mode & 0o777).toBe(0o600);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('exists: name another file, or --force') });
  }, 30_000);

  it('says what is missing where there is no database', async () => {
    const nothing = { DATA_DIR: join(folder, 'nothing'), PORT: String(await freePort()) };

    expect(await qaPms(['backup'], nothing)).toMatchObject({
      code: 78,
      err: expect.stringContaining('There is no database'),
    });
    expect(await qaPms(['restore', 'none.tar.gz'], nothing)).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not exist'),
    });
  }, 30_000);
});

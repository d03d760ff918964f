import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { event, MemberRemoved, TextField } from '@qa-pms/contracts';
import {
  createDataSource,
  Database,
  DatabaseSettings,
  isUniqueViolation,
  poolOf,
  runMigrations,
  statement,
} from '@qa-pms/database';
import { createRootLogger, logFor, runAsSystem, runInContext, SYSTEM } from '@qa-pms/platform';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { DataSource } from 'typeorm';
import { cleanUpInbox } from '../src/inbox.js';

const PUT = statement('put', 'INSERT INTO things.things (id, note) VALUES ($1, $2)');

class Told extends event({ service: 'workflow', name: 'told', key: 'about' }) {
  @TextField({ description: 'About what.', max: 10 })
  about!: string;
  @TextField({ description: 'What.', max: 10_000_000 })
  text!: string;
}

describe('a transaction', () => {
  let server: TestDatabase;
  let dataSource: DataSource;
  let db: Database;

  beforeAll(async () => {
    server = await startTestDatabase();
    const settings = Object.assign(new DatabaseSettings(), { url: server.url, poolMin: 0, poolMax: 2 });
    const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');
    dataSource = createDataSource({ schema: 'things', entities: [], migrations: [] }, settings, log);
    await dataSource.initialize();
    await runMigrations(dataSource, 'things');
    await dataSource.query('CREATE TABLE things.things (id integer CONSTRAINT things_pk PRIMARY KEY, note text)');
    db = new Database(dataSource, 'workflow', 'things', '', () => undefined);
  });

  afterAll(async () => {
    await dataSource.destroy();
    await server.stop();
  });

  beforeEach(() => dataSource.query('TRUNCATE things.things'));

  const run: Database['transaction'] = (work) => runAsSystem({}, () => db.transaction(work));
  const stored = async (): Promise<number[]> =>
    (await dataSource.query<{ id: number }[]>('SELECT id FROM things.things ORDER BY id')).map(({ id }) => id);

  it('commits what was written and what nobody waited for', async () => {
    await run(async (tx) => {
      tx.write(PUT, [1, 'held until the commit']);
    });

    expect(await stored()).toEqual([1]);
  });

  it('is refused where its event would be too large for the consumers, and nothing of it stays', async () => {
    const large = run((tx) => {
      tx.write(PUT, [1, 'one']);
      // Half as many characters as bytes.
      tx.publish(Told, { about: '1', text: 'é'.repeat(2 * 1024 * 1024) });
      return Promise.resolve();
    });

    await expect(large).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE', details: { limitBytes: 3_145_728 } });
    expect(await stored()).toEqual([]);
  });

  it('with an Idempotency-Key refuses the same request while it runs, then answers it with the reply', async () => {
    const [opened, done] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const message = {
      messageId: randomUUID(),
      requestId: 'r',
      deadline: null,
      caller: SYSTEM,
      idempotencyHash: 'hash',
    };
    const once = (work: () => Promise<string>): Promise<string> =>
      runInContext(message, () =>
        db.once(async (tx) => {
          await tx.query(PUT, [1, null]);
          return work();
        }),
      );

    const first = once(async () => {
      opened.resolve(undefined);
      await done.promise;
      return 'the reply';
    });
    await opened.promise;
    const meanwhile = await Promise.allSettled([once(() => Promise.resolve('of another'))]);
    done.resolve(undefined);
    await first;
    const afterwards = await once(() => Promise.resolve('of another'));

    expect(meanwhile).toMatchObject([
      { status: 'rejected', reason: { code: 'IDEMPOTENCY_IN_PROGRESS', kind: { status: 409, retryable: true } } },
    ]);
    expect(afterwards).toBe('the reply');
    expect(await stored()).toEqual([1]);
  });

  it('is remembered as long as its message can come again: a day with a key, eight days without', async () => {
    const insert = `INSERT INTO things.inbox_messages (message_id, reply, body_hash, received_at)
      VALUES (gen_random_uuid(), '{}', $1, now() - $2::interval)`;
    await dataSource.query('TRUNCATE things.inbox_messages');
    for (const hash of ['of a body', null])
      for (const age of ['23 hours', '25 hours', '191 hours', '193 hours']) await dataSource.query(insert, [hash, age]);

    await cleanUpInbox(dataSource, 'things');

    const kept = await dataSource.query<{ body_hash: string | null; hours: number }[]>(
      `SELECT body_hash, round(extract(epoch FROM now() - received_at) / 3600)::int AS hours
         FROM things.inbox_messages ORDER BY hours, body_hash`,
    );
    expect(kept).toEqual([
      { body_hash: 'of a body', hours: 23 },
      { body_hash: null, hours: 23 },
      { body_hash: null, hours: 25 },
      { body_hash: null, hours: 191 },
    ]);
  });

  describe('for several messages', () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const message = { requestId: first, deadline: null, caller: SYSTEM, idempotencyHash: null };
    const once = (id: number, messageId: string, otherMessageIds?: string[]): Promise<string> =>
      runInContext({ ...message, messageId, ...(otherMessageIds && { otherMessageIds }) }, () =>
        db.once(async (tx) => {
          await tx.query(PUT, [id, null]);
          return 'done';
        }),
      );

    it('is done once for each of them', async () => {
      await once(1, second, [first]);
      const again = await Promise.all([once(2, first), once(3, second)]);

      expect(await stored()).toEqual([1]);
      expect(again).toEqual([undefined, 'done']);
    });

    it('is refused as a whole where one of them is done already, also the last', async () => {
      await expect(once(4, second, [third])).rejects.toThrow(/inbox_messages_pk/);
      await expect(once(5, third, [first])).rejects.toThrow(/inbox_messages_pk/);
      await once(6, third);

      expect(await stored()).toEqual([6]);
    });
  });

  it('lets a query see what was written before it', async () => {
    const seen = await run(async (tx) => {
      tx.write(PUT, [1, 'one']);
      tx.write(PUT, [2, 'two']);
      return tx.query<{ count: number }>('SELECT count(*)::int AS count FROM things.things');
    });

    expect(seen).toEqual([{ count: 2 }]);
  });

  it("lets TypeORM's statements see what was written before them", async () => {
    const seen = await run(async (tx) => {
      tx.write(PUT, [1, 'one']);
      return tx.typeorm((manager) =>
        manager.query<{ count: number }[]>('SELECT count(*)::int AS count FROM things.things'),
      );
    });

    expect(seen).toEqual([{ count: 1 }]);
  });

  it.each([
    ['the commit', async () => undefined],
    ['a query', (tx) => tx.query('SELECT 1')],
    ["TypeORM's statement", (tx) => tx.typeorm((manager) => manager.query('SELECT 1')).catch(() => undefined)],
  ] as [string, Parameters<Database['transaction']>[0]][])(
    'is refused with the fault of a statement that nobody waited for, found by %s, and nothing of it stays',
    async (_where, next) => {
      const refused = run(async (tx) => {
        tx.write(PUT, [1, 'one']);
        tx.write(PUT, [1, 'again']);
        await next(tx);
        tx.write(PUT, [2, 'two']);
      });

      const error: unknown = await refused.catch((fault: unknown) => fault);
      expect(isUniqueViolation(error, 'things_pk')).toBe(true);
      expect(await stored()).toEqual([]);
    },
  );

  it('is refused where an event breaks its own contract, and nothing of it stays', async () => {
    const refused = run((tx) => {
      tx.write(PUT, [1, 'one']);
      tx.publish(MemberRemoved, { projectId: 'DEMO', userId: '0198c5b0-0000-7000-8000-000000000001' });
      return Promise.resolve();
    });

    await expect(refused).rejects.toThrow(
      'Event member-removed.v1 breaks its own contract: projectId: projectId must be a UUID',
    );
    expect(await stored()).toEqual([]);
    expect(await dataSource.query('SELECT id FROM things.outbox_messages')).toEqual([]);
  });

  it('takes no connection before it sends something: as many as come may ask others first', async () => {
    const begun = Promise.withResolvers<undefined>();
    let count = 0;
    // The pool has two.
    const all = [1, 2, 3, 4, 5].map((id) =>
      run(async (tx) => {
        if ((count += 1) === 5) begun.resolve(undefined);
        await begun.promise;
        tx.write(PUT, [id, null]);
      }),
    );

    await Promise.all(all);

    expect(await stored()).toEqual([1, 2, 3, 4, 5]);
  });

  describe('that asks nothing', () => {
    const noted = async (): Promise<(string | null)[]> =>
      (await dataSource.query<{ note: string | null }[]>('SELECT note FROM things.things ORDER BY id')).map(
        ({ note }) => note,
      );

    it('shares a connection with those of the same turn', async () => {
      const backend = statement('put-backend', 'INSERT INTO things.things VALUES ($1, pg_backend_pid()::text)');

      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((id) => run(async (tx) => tx.write(backend, [id]))));

      const backends = await noted();
      expect(backends).toHaveLength(8);
      expect(new Set(backends).size).toBe(1);
    });

    it('has its own scope, whoever goes before it', async () => {
      const scope = statement('put-scope', `INSERT INTO things.things VALUES ($1, current_setting('qa.project_id'))`);
      const projects = [randomUUID(), randomUUID(), null, randomUUID()];

      await Promise.all(
        projects.map((projectId, id) =>
          runAsSystem({ projectId }, () => db.transaction(async (tx) => tx.write(scope, [id]))),
        ),
      );

      expect(await noted()).toEqual(projects.map((projectId) => projectId ?? ''));
      const left = await Promise.all(
        [1, 2].map(() => dataSource.query(`SELECT current_setting('qa.project_id') AS left`)),
      );
      expect(left).toEqual([[{ left: '' }], [{ left: '' }]]);
    });

    it('fails alone, also where it is the first to send a statement over its connection', async () => {
      const both = statement(
        `put-${randomUUID()}`,
        'INSERT INTO things.things SELECT $1 + ten, $2 FROM unnest(ARRAY[10]) AS ten',
      );
      const put = (id: number): Promise<void> =>
        run(async (tx) => {
          tx.write(PUT, [id, 'first']);
          tx.write(both, [id, 'second']);
        });
      await dataSource.query(`INSERT INTO things.things VALUES (0, 'in the way')`);

      const outcomes = await Promise.allSettled([put(0), put(1), put(0), put(2), put(3)]);

      const inTheWay = { status: 'rejected', reason: expect.objectContaining({ constraint: 'things_pk' }) };
      const done = { status: 'fulfilled' };
      expect(outcomes).toMatchObject([inTheWay, done, inTheWay, done, done]);
      expect(await stored()).toEqual([0, 1, 2, 3, 11, 12, 13]);
      expect(await dataSource.query(`SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in %'`)).toEqual([]);
    });
  });

  it('sends nothing any more once its work has failed, also what waited for a connection', async () => {
    const held = Promise.withResolvers<undefined>();
    const holders = [1, 2].map(() =>
      run(async (tx) => {
        await tx.query('SELECT 1');
        await held.promise;
      }),
    );
    const late: Promise<unknown>[] = [];
    const failed = run((tx) => {
      late.push(tx.query(PUT, [1, 'late']));
      return Promise.reject(new Error('not allowed'));
    });
    const refused = expect(failed).rejects.toThrow('not allowed');
    held.resolve(undefined);

    await Promise.all([refused, expect(late[0]).rejects.toThrow('The transaction has ended.'), ...holders]);

    expect(await stored()).toEqual([]);
    expect(await dataSource.query(`SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in %'`)).toEqual([]);
  });

  it('takes no connection once it has ended', async () => {
    const ended: Parameters<Parameters<Database['transaction']>[0]>[0][] = [];
    const note = (tx: (typeof ended)[0]): void => {
      ended.push(tx);
    };
    await run(async (tx) => {
      note(tx);
    });
    await run(async (tx) => {
      note(tx);
      await tx.query('SELECT 1');
    });
    await run((tx) => {
      note(tx);
      return Promise.reject(new Error('not allowed'));
    }).catch(() => undefined);

    const late = await Promise.allSettled(ended.map((tx) => tx.query('SELECT 1')));

    expect(late).toMatchObject(ended.map(() => ({ reason: { message: 'The transaction has ended.' } })));
    const { idleCount, totalCount } = poolOf(dataSource);
    expect(idleCount).toBe(totalCount);
  });

  it.each([
    ['says so to its reader where others were always in its way', '40001', 'CONFLICT'],
    ['fails as PostgreSQL says where a statement is never known', '26000', '26000'],
  ])('is tried anew, and %s', async (_what, code, told) => {
    let tries = 0;
    const refused = run(() => {
      tries += 1;
      return Promise.reject(Object.assign(new Error('not now'), { code }));
    });

    await expect(refused).rejects.toMatchObject({ code: told });
    expect(tries).toBe(25);
  });

  it('leaves its connection usable when its work is refused before anything was sent', async () => {
    const refused = run(() => Promise.reject(new Error('not allowed')));

    await expect(refused).rejects.toThrow('not allowed');
    await run(async (tx) => {
      tx.write(PUT, [1, 'one']);
    });
    expect(await stored()).toEqual([1]);
  });
});

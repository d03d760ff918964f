import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AccessChanges,
  DeleteProject,
  GetAccessChanges,
  MAX_ACCESS_CHANGES,
  type Project,
  PutMember,
  RemoveMember,
  type RequestClass,
  UpdateMe,
  UpdateProject,
  UpdateUser,
  type UserAccount,
} from '@qa-pms/contracts';
import { SYSTEM } from '@qa-pms/platform';
import pg from 'pg';
import { as, Identity } from './identity.fixture.js';

let identity: Identity;
let admin: UserAccount;
let quinn: UserAccount;
let robin: UserAccount;
let project: Project;

beforeAll(async () => {
  identity = await Identity.start();
  admin = await identity.user('admin', ['admin']);
  quinn = await identity.user('quinn', ['qa']);
  robin = await identity.user('robin', ['qa']);
  project = await identity.project('FEED', as(admin));
});

afterAll(() => identity.stop());

const ask = (since?: string): Promise<AccessChanges> =>
  identity.service.request(GetAccessChanges, since === undefined ? {} : { since }, { caller: SYSTEM });
const send = <C extends RequestClass>(message: C, payload: InstanceType<C>, sender?: UserAccount): Promise<unknown> =>
  identity.service.request(message, payload, { caller: as(sender ?? admin) });

/**
 * A cursor after which nobody is told of. Changes are told again while an older transaction is open, also one of another
 * database of the server: other tests run beside this one.
 */
async function settled(): Promise<string> {
  const limit = Date.now() + 10_000;
  for (;;) {
    const { cursor } = await ask();
    if ((await ask(cursor)).userIds.length === 0) return cursor;
    if (Date.now() > limit) throw new Error('Changes are told again and again.');
    await sleep(20);
  }
}

/** Who is told after some work. */
async function toldAfter(work: () => Promise<unknown>): Promise<string[]> {
  const cursor = await settled();
  await work();
  const { userIds, everybody } = await ask(cursor);
  expect(everybody).toBe(false);
  return userIds.toSorted();
}

async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('changes of access', () => {
  it('are told of whom they concern, whatever changes it', async () => {
    const [id, userId] = [project.id, quinn.id];
    const both = [admin.id, quinn.id].toSorted();

    expect(await toldAfter(() => Promise.resolve())).toEqual([]);
    expect(await toldAfter(() => send(PutMember, { id, userId, roles: ['qa'] }))).toEqual([userId]);
    expect(await toldAfter(() => send(PutMember, { id, userId, roles: ['qa_manager'] }))).toEqual([userId]);
    expect(
      await toldAfter(() =>
        withClient((client) =>
          client.query('UPDATE identity.memberships SET user_id = $2 WHERE user_id = $1', [userId, robin.id]),
        ),
      ),
    ).toEqual([userId, robin.id].toSorted());
    expect(await toldAfter(() => send(RemoveMember, { id, userId: robin.id }))).toEqual([robin.id]);
    await send(PutMember, { id, userId, roles: ['qa_manager'] });
    expect(await toldAfter(() => send(UpdateProject, { id, name: 'Fed' }))).toEqual(both);
    expect(await toldAfter(() => send(UpdateUser, { id: userId, roles: ['support'] }))).toEqual([userId]);
    expect(await toldAfter(() => send(UpdateMe, { displayName: 'Q.' }, quinn))).toEqual([userId]);
    expect(await toldAfter(() => send(UpdateUser, { id: userId, disabled: true }))).toEqual([userId]);
    expect(await toldAfter(() => send(RemoveMember, { id, userId }))).toEqual([userId]);
    expect(await toldAfter(() => send(DeleteProject, { id }))).toEqual([admin.id]);
    expect(
      await toldAfter(() =>
        withClient((client) => client.query(`UPDATE identity.users SET roles = '{}' WHERE id = $1`, [userId])),
      ),
    ).toEqual([userId]);
  });

  it('are told also where an older transaction commits after a younger one', async () => {
    await withClient((late) =>
      withClient(async (early) => {
        const change = 'UPDATE identity.users SET display_name = display_name || $2 WHERE id = $1';
        await late.query('BEGIN');
        await late.query(change, [admin.id, '1']);
        await early.query(change, [quinn.id, '1']);
        const between = await ask((await ask()).cursor);
        await late.query('COMMIT');

        const { userIds } = await ask(between.cursor);

        expect(userIds).toContain(admin.id);
      }),
    );
    await settled();
  });

  it('may concern everybody: at first, after too many, and from a cursor that this database never gave', async () => {
    const { cursor } = await ask();
    await withClient((client) =>
      client.query(
        'INSERT INTO identity.access_changes (user_id) SELECT gen_random_uuid() FROM generate_series(0, $1)',
        [MAX_ACCESS_CHANGES],
      ),
    );

    for (const since of [undefined, cursor, '9000000000']) {
      expect(await ask(since)).toMatchObject({ everybody: true, userIds: [] });
    }
  });

  it('refuse a cursor that is none', async () => {
    await expect(ask('now')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateUser,
  GetUser,
  ListMembers,
  ListProjects,
  ListUsers,
  Login,
  RemoveMember,
  SeedDemo,
  UpdateUser,
  UserChanged,
} from '@qa-pms/contracts';
import { SYSTEM } from '@qa-pms/platform';
import { startService } from '@qa-pms/testing';
import { randomUUID } from 'node:crypto';
import { IdentitySettings } from '../src/identity.settings.js';
import { identityService } from '../src/service.js';
import { as, Identity, PASSWORD, refusedAs } from './identity.fixture.js';

let identity: Identity;

beforeAll(async () => {
  identity = await Identity.start();
});

afterAll(() => identity.stop());

const create = (payload: Partial<CreateUser>) => {
  const whole = { username: 'someone', displayName: 'Some One', password: PASSWORD, roles: ['qa'], ...payload };
  return identity.service.request(CreateUser, whole, { caller: SYSTEM });
};
const update = (payload: UpdateUser) => identity.service.request(UpdateUser, payload, { caller: SYSTEM });
const signIn = (username: string, password = PASSWORD) =>
  identity.service.request(Login, { username, password }, { caller: SYSTEM });

describe('a new user', () => {
  it('can be read, is listed, and is told to the others', async () => {
    const made = await create({ username: 'ada', displayName: 'Ada', email: 'ada@example.com', roles: ['qa', 'qa'] });

    const read = await identity.service.request(GetUser, { id: made.id }, { caller: SYSTEM });
    const { data } = await identity.service.request(ListUsers, { pageSize: 100 }, { caller: SYSTEM });

    expect(made).toMatchObject({ username: 'ada', email: 'ada@example.com', roles: ['qa'], disabledAt: null });
    expect(read).toEqual(made);
    expect(data).toContainEqual(made);
    const told = { userId: made.id, displayName: 'Ada', timeZone: 'UTC' };
    expect(await identity.service.published(UserChanged)).toContainEqual(told);
  });

  it('cannot take the name of another one in other capitals', async () => {
    await create({ username: 'grace' });

    await expect(create({ username: 'GRACE' })).rejects.toMatchObject(
      refusedAs('USERNAME_TAKEN', { username: 'GRACE' }),
    );
  });

  it('hears that its name is taken before its password is hashed', async () => {
    await identity.user('alan', ['qa']);
    const other = await startService(identityService, { databaseUrl: identity.databaseUrl });
    // It hashes nothing: whoever wants to is refused with OVERLOADED.
    Object.assign(other.get(IdentitySettings), { passwordHashConcurrency: 0, passwordHashQueue: 0 });
    const make = (username: string) => {
      const payload = { username, displayName: 'Alan', password: PASSWORD, roles: ['qa'] };
      return other.request(CreateUser, payload, { caller: SYSTEM });
    };

    const outcomes = await Promise.allSettled([make('Alan'), make('kurt')]);
    await other.stop();

    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: refusedAs('USERNAME_TAKEN', { username: 'Alan' }) },
      { status: 'rejected', reason: { code: 'OVERLOADED' } },
    ]);
  });

  it('is answered again when its command comes twice', async () => {
    const payload = { username: 'edsger', displayName: 'Edsger', password: PASSWORD, roles: ['qa'] };
    const options = { caller: SYSTEM, messageId: randomUUID() };

    const made = await identity.service.request(CreateUser, payload, options);
    const again = await identity.service.request(CreateUser, payload, options);

    expect(again).toEqual(made);
  });

  it('is one of twenty that are made at the same time under one name', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => create({ username: 'many' })));

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it.each([
    ['password', { password: 'Linus.Torvalds', username: 'linus.torvalds' }],
    ['password', { password: 'short' }],
    ['username', { username: 'two words' }],
    ['roles', { roles: [] }],
    ['roles', { roles: ['emperor'] }],
  ])('is refused for its %s', async (path, payload) => {
    const violations = expect.arrayContaining([expect.objectContaining({ path: expect.stringContaining(path) })]);

    await expect(create(payload)).rejects.toMatchObject(refusedAs('VALIDATION_ERROR', { violations }));
  });
});

describe('the list of users', () => {
  it('comes in pages by name', async () => {
    const first = await identity.service.request(ListUsers, { pageSize: 1 }, { caller: SYSTEM });
    const second = await identity.service.request(ListUsers, { pageSize: 1, page: 2 }, { caller: SYSTEM });

    const names = [...first.data, ...second.data].map(({ username }) => username.toLowerCase());
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(2);
    expect(second.pagination).toMatchObject({ page: 2, pageSize: 1, totalItems: first.pagination.totalItems });
  });

  it('is sorted as wished', async () => {
    const [zoe, yan] = [await create({ username: 'zoe' }), await create({ username: 'yan' })];
    await update({ id: zoe.id, displayName: 'Zoe' });
    const order = async (sortBy: ListUsers['sortBy']) => {
      const { data } = await identity.service.request(ListUsers, { sortBy, pageSize: 100 }, { caller: SYSTEM });
      return data.filter(({ id }) => [zoe.id, yan.id].includes(id)).map(({ username }) => username);
    };
    const [up, down] = [
      ['yan', 'zoe'],
      ['zoe', 'yan'],
    ];

    expect([await order('username'), await order('-username')]).toEqual([up, down]);
    expect([await order('display_name'), await order('-display_name')]).toEqual([up, down]);
    expect([await order('created_at'), await order('-created_at')]).toEqual([down, up]);
    expect([await order('updated_at'), await order('-updated_at')]).toEqual([up, down]);
  });
});

describe('an administrator of the installation', () => {
  it('changes what is given, and disables and enables accounts', async () => {
    const { id } = await create({ username: 'edit', email: 'edit@example.com' });

    const changed = await update({ id, displayName: 'Ed It', email: null, roles: ['pm'], disabled: true });
    const enabled = await update({ id, disabled: false });

    expect(changed).toMatchObject({ displayName: 'Ed It', email: null, roles: ['pm'] });
    expect(changed.disabledAt).not.toBeNull();
    expect(enabled).toMatchObject({ displayName: 'Ed It', email: null, roles: ['pm'], disabledAt: null });
    await expect(signIn('edit')).resolves.toMatchObject({ user: { roles: ['pm'] } });
  });

  it('changes the version that was read, by one of two at the same time', async () => {
    const { id, rowVersion } = await create({ username: 'versioned' });

    const outcomes = await Promise.allSettled([
      update({ id, displayName: 'One', expectedVersion: 1 }),
      update({ id, displayName: 'Other', expectedVersion: 1 }),
    ]);
    const unasked = await update({ id, email: 'versioned@example.com' });

    const stale = refusedAs('PRECONDITION_FAILED', { rowVersion: 2 });
    expect(rowVersion).toBe(1);
    expect(outcomes).toContainEqual({ status: 'fulfilled', value: expect.objectContaining({ rowVersion: 2 }) });
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining(stale) });
    expect(unasked.rowVersion).toBe(3);
  });

  it('hears of a user who does not exist', async () => {
    const id = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';

    await expect(update({ id, displayName: 'X' })).rejects.toMatchObject(refusedAs('USER_NOT_FOUND', { id }));
    const read = identity.service.request(GetUser, { id }, { caller: SYSTEM });
    await expect(read).rejects.toMatchObject(refusedAs('USER_NOT_FOUND', { id }));
  });

  it('is not somebody who administers a project only', async () => {
    const boss = await identity.user('boss', ['admin']);
    const project = await identity.project('ONLY', as(boss));
    const local = await identity.user('local', ['user']);
    await identity.member(project, local, ['admin']);
    const caller = as(local, ['admin'], project.id);

    const promotion = identity.service.request(UpdateUser, { id: local.id, roles: ['admin'] }, { caller });

    await expect(promotion).rejects.toMatchObject(refusedAs('FORBIDDEN', { permission: 'users:write' }));
  });

  it('stays the last one, be it against two demotions at the same time', async () => {
    const { data } = await identity.service.request(ListUsers, { pageSize: 100 }, { caller: SYSTEM });
    const others = data.filter(({ roles }) => roles.includes('admin'));
    const [one, two] = [await identity.user('one', ['admin']), await identity.user('two', ['admin'])];
    for (const { id } of others) await update({ id, roles: ['qa'] });

    const outcomes = await Promise.allSettled([
      update({ id: one.id, roles: ['qa'] }),
      update({ id: two.id, disabled: true }),
    ]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ code: 'LAST_ADMIN' }) });
  });
});

describe('seeding a demo', () => {
  const seed = (password: string) => {
    const user = (username: string, roles: string[]) => {
      return { username, displayName: `Demo ${username}`, email: `${username}@example.com`, password, roles };
    };
    const users = [user('demo-admin', ['admin']), user('demo-qa', ['qa']), user('demo-qa2', ['qa'])];
    const projects = [
      { key: 'DEMO', name: 'Demo project', description: 'To try.', members: ['demo-admin', 'demo-qa', 'demo-qa2'] },
      { key: 'OTHER', name: 'Other project', description: 'To try isolation.', members: ['demo-admin', 'demo-qa2'] },
    ];
    return identity.service.request(SeedDemo, { users, projects }, { caller: SYSTEM });
  };

  it('makes users and projects once, and leaves alone what was changed since', async () => {
    await seed('the first password');
    const { user: admin } = await signIn('demo-admin', 'the first password');
    const { user: qa } = await signIn('demo-qa', 'the first password');
    const [demo] = qa.projects;
    const caller = as({ ...admin, disabledAt: null, createdAt: '', updatedAt: '' });
    await identity.service.request(RemoveMember, { id: demo?.id ?? '', userId: qa.id }, { caller });

    await seed('another password');

    await expect(signIn('demo-qa', 'another password')).rejects.toMatchObject(refusedAs('SIGN_IN_FAILED'));
    const { data: projects } = await identity.service.request(ListProjects, {}, { caller });
    const { data: members } = await identity.service.request(ListMembers, { id: demo?.id ?? '' }, { caller });
    expect(projects.map(({ key }) => key)).toEqual(['DEMO', 'OTHER']);
    expect(members.map(({ username, roles }) => [username, roles])).toEqual([
      ['demo-admin', ['admin']],
      ['demo-qa2', ['qa']],
    ]);
    expect(qa.projects.map(({ key }) => key)).toEqual(['DEMO']);
  });
});

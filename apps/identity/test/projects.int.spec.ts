import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DeleteProject,
  FindProject,
  GetMe,
  GetMember,
  GetProject,
  ListMembers,
  ListProjects,
  MemberRemoved,
  type Project,
  PutMember,
  RemoveMember,
  UpdateProject,
  UpdateUser,
  type UserAccount,
} from '@qa-pms/contracts';
import { type Caller, SYSTEM } from '@qa-pms/platform';
import { as, Identity, refusedAs } from './identity.fixture.js';

let identity: Identity;
let admin: UserAccount;
let tester: UserAccount;
let stranger: UserAccount;
let made = 0;

beforeAll(async () => {
  identity = await Identity.start();
  admin = await identity.user('admin', ['admin']);
  tester = await identity.user('tester', ['user']);
  // Administers the installation, but belongs to no project.
  stranger = await identity.user('stranger', ['admin']);
});

afterAll(() => identity.stop());

/** A project with `admin` as its administrator and `tester` as its tester. */
async function newProject(): Promise<Project> {
  const project = await identity.project(`P${String((made += 1))}`, as(admin));
  await identity.member(project, tester, ['qa']);
  return project;
}

const put = (payload: PutMember, caller: Caller = as(admin)) =>
  identity.service.request(PutMember, payload, { caller });
const remove = (payload: RemoveMember, caller: Caller = as(admin)) =>
  identity.service.request(RemoveMember, payload, { caller });
const members = async (id: string) => (await identity.service.request(ListMembers, { id }, { caller: as(admin) })).data;

describe('a project', () => {
  it('belongs to its creator, who administers it', async () => {
    const project = await identity.project('FRESH', as(admin));

    const found = await identity.service.request(GetProject, { id: project.id }, { caller: as(admin) });

    expect(found).toEqual(project);
    expect(project).toMatchObject({ key: 'FRESH', name: 'Project FRESH', description: null });
    expect(await members(project.id)).toEqual([
      { userId: admin.id, username: 'admin', displayName: 'Name of admin', roles: ['admin'] },
    ]);
  });

  it('cannot take the key of another one, be that deleted', async () => {
    const { id, key } = await newProject();
    const again = () => identity.project(key, as(admin));

    await expect(again()).rejects.toMatchObject(refusedAs('PROJECT_KEY_TAKEN', { key }));
    await identity.service.request(DeleteProject, { id }, { caller: as(admin) });
    await expect(again()).rejects.toMatchObject(refusedAs('PROJECT_KEY_TAKEN', { key }));
  });

  it('is made by administrators of the installation only', async () => {
    const making = identity.project('NOPE', as(tester));

    await expect(making).rejects.toMatchObject(refusedAs('FORBIDDEN', { permission: 'projects:create' }));
  });

  it('changes what is given and keeps the rest', async () => {
    const { id } = await newProject();
    const change = (payload: Omit<UpdateProject, 'id'>) =>
      identity.service.request(UpdateProject, { id, ...payload }, { caller: as(admin) });

    const described = await change({ description: 'Front desk' });
    const renamed = await change({ name: 'Renamed' });
    const bare = await change({ description: null });

    expect(described.description).toBe('Front desk');
    expect(renamed).toMatchObject({ name: 'Renamed', description: 'Front desk' });
    expect(bare).toMatchObject({ name: 'Renamed', description: null });
  });

  it('is changed from the version that was read, by one of two at the same time', async () => {
    const { id } = await newProject();
    const change = (payload: Omit<UpdateProject, 'id'>) =>
      identity.service.request(UpdateProject, { id, ...payload }, { caller: as(admin) });

    const outcomes = await Promise.allSettled([
      change({ name: 'One', expectedVersion: 1 }),
      change({ name: 'Other', expectedVersion: 1 }),
    ]);
    const unasked = await change({ description: 'Whatever it was' });
    const deletion = identity.service.request(DeleteProject, { id, expectedVersion: 2 }, { caller: as(admin) });

    const stale = refusedAs('PRECONDITION_FAILED', { rowVersion: 2 });
    expect(outcomes).toContainEqual({ status: 'fulfilled', value: expect.objectContaining({ rowVersion: 2 }) });
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining(stale) });
    expect(unasked.rowVersion).toBe(3);
    await expect(deletion).rejects.toMatchObject(refusedAs('PRECONDITION_FAILED', { rowVersion: 3 }));
  });

  it('does not exist for those who are no members, administrators of the installation included', async () => {
    const { id } = await newProject();
    const caller = as(stranger, ['admin'], id);
    const { service } = identity;

    const outcomes = await Promise.allSettled([
      service.request(GetProject, { id }, { caller }),
      service.request(UpdateProject, { id, name: 'Mine' }, { caller }),
      service.request(DeleteProject, { id }, { caller }),
      service.request(ListMembers, { id }, { caller }),
      put({ id, userId: stranger.id, roles: ['admin'] }, caller),
      remove({ id, userId: tester.id }, caller),
    ]);

    const refusal = expect.objectContaining({ code: 'PROJECT_NOT_FOUND', details: { id } });
    expect(outcomes).toEqual(outcomes.map(() => ({ status: 'rejected', reason: refusal })));
    expect(await members(id)).toHaveLength(2);
  });

  it('is changed only with the permission in that very project, whatever another one gave', async () => {
    const { id } = await newProject();
    const caller = as(tester, ['admin']);

    const rename = identity.service.request(UpdateProject, { id, name: 'Mine' }, { caller });

    await expect(rename).rejects.toMatchObject(refusedAs('FORBIDDEN', { permission: 'members:write' }));
    await expect(put({ id, userId: tester.id, roles: ['admin'] }, caller)).rejects.toMatchObject(
      refusedAs('FORBIDDEN'),
    );
  });

  it('is hidden from everyone once it is deleted', async () => {
    const { id, key } = await newProject();

    await identity.service.request(DeleteProject, { id }, { caller: as(admin) });

    const { service } = identity;
    const reading = service.request(GetProject, { id }, { caller: as(admin) });
    await expect(reading).rejects.toMatchObject(refusedAs('PROJECT_NOT_FOUND', { id }));
    const finding = service.request(FindProject, { key }, { caller: SYSTEM });
    await expect(finding).rejects.toMatchObject(refusedAs('PROJECT_NOT_FOUND', { key }));
    const member = service.request(GetMember, { userId: tester.id }, { caller: as(tester, ['qa'], id) });
    await expect(member).rejects.toMatchObject(refusedAs('MEMBER_NOT_FOUND'));
    const { projects } = await service.request(GetMe, {}, { caller: as(tester) });
    expect(projects.map((project) => project.id)).not.toContain(id);
  });

  it('is found by its key by the system', async () => {
    const project = await newProject();

    const found = await identity.service.request(FindProject, { key: project.key }, { caller: SYSTEM });

    expect(found).toEqual(project);
  });
});

describe('the list of projects', () => {
  it('holds those that one is a member of, in pages by key', async () => {
    const collector = await identity.user('collector', ['user']);
    const projects = [await newProject(), await newProject(), await newProject()];
    for (const project of projects.slice(0, 2)) await identity.member(project, collector, ['user']);

    const page = await identity.service.request(ListProjects, { page: 2, pageSize: 1 }, { caller: as(collector) });

    expect(page).toEqual({ data: [projects[1]], pagination: { page: 2, pageSize: 1, totalItems: 2, totalPages: 2 } });
  });

  it('is sorted as wished', async () => {
    const sorter = await identity.user('sorter', ['user']);
    const [first, second] = [await newProject(), await newProject()];
    for (const project of [first, second]) await identity.member(project, sorter, ['user']);
    await identity.service.request(UpdateProject, { id: first.id, name: 'project zero' }, { caller: as(admin) });
    const ids = async (sortBy: ListProjects['sortBy']) => {
      const { data } = await identity.service.request(ListProjects, { sortBy }, { caller: as(sorter) });
      return data.map(({ id }) => id);
    };
    const [up, down] = [
      [first.id, second.id],
      [second.id, first.id],
    ];

    expect([await ids('key'), await ids('-key')]).toEqual([up, down]);
    expect([await ids('created_at'), await ids('-created_at')]).toEqual([up, down]);
    expect([await ids('updated_at'), await ids('-updated_at')]).toEqual([down, up]);
    expect([await ids('name'), await ids('-name')]).toEqual([down, up]);
  });
});

describe('members', () => {
  it('are listed in pages and sorted as wished, namesakes too', async () => {
    const { id } = await newProject();
    for (const username of ['Namesake-b', 'namesake-a']) {
      const user = await identity.user(username, ['user']);
      const changed = { id: user.id, displayName: 'A namesake' };
      await identity.service.request(UpdateUser, changed, { caller: SYSTEM });
      await put({ id, userId: user.id, roles: ['qa'] });
    }
    const list = (query: Omit<ListMembers, 'id'>) =>
      identity.service.request(ListMembers, { id, ...query }, { caller: as(admin) });
    const usernames = async (query: Omit<ListMembers, 'id'>) =>
      (await list(query)).data.map(({ username }) => username);

    const page = await list({ page: 2, pageSize: 3 });

    expect(page.pagination).toEqual({ page: 2, pageSize: 3, totalItems: 4, totalPages: 2 });
    expect(page.data.map(({ username }) => username)).toEqual(['tester']);
    const byUsername = ['admin', 'namesake-a', 'Namesake-b', 'tester'];
    expect([await usernames({}), await usernames({ sortBy: 'username' })]).toEqual([byUsername, byUsername]);
    expect(await usernames({ sortBy: '-username' })).toEqual(byUsername.toReversed());
    const byName = ['Namesake-b', 'namesake-a', 'admin', 'tester'];
    expect(await usernames({ sortBy: 'display_name' })).toEqual(byName);
    expect(await usernames({ sortBy: '-display_name' })).toEqual(byName.toReversed());
  });

  it('get roles, and other ones later', async () => {
    const { id } = await newProject();

    const changed = await put({ id, userId: tester.id, roles: ['pm', 'po', 'pm'] });

    expect(changed).toMatchObject({ userId: tester.id, username: 'tester', roles: ['pm', 'po'] });
    expect((await members(id)).find(({ userId }) => userId === tester.id)).toEqual(changed);
  });

  it('are users who can sign in', async () => {
    const { id } = await newProject();
    const gone = await identity.user('gone', ['user']);
    await identity.service.request(UpdateUser, { id: gone.id, disabled: true }, { caller: SYSTEM });

    const adding = put({ id, userId: gone.id, roles: ['qa'] });

    await expect(adding).rejects.toMatchObject(refusedAs('USER_NOT_FOUND', { id: gone.id }));
  });

  it('have at least one role', async () => {
    const { id } = await newProject();

    await expect(put({ id, userId: tester.id, roles: [] })).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
  });

  it('leave, which the others are told once', async () => {
    const { id } = await newProject();

    await remove({ id, userId: tester.id });

    expect(await members(id)).toHaveLength(1);
    const told = await identity.service.published(MemberRemoved);
    expect(told.filter(({ projectId }) => projectId === id)).toEqual([{ projectId: id, userId: tester.id }]);
    const again = remove({ id, userId: tester.id });
    await expect(again).rejects.toMatchObject(refusedAs('MEMBER_NOT_FOUND', { id: tester.id }));
  });

  it('keep one administrator, be it against two who step down at the same time', async () => {
    const { id } = await newProject();
    await put({ id, userId: tester.id, roles: ['admin'] });

    const outcomes = await Promise.allSettled([
      remove({ id, userId: admin.id }),
      put({ id, userId: tester.id, roles: ['qa'] }, as(tester)),
    ]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ code: 'LAST_ADMIN' }) });
  });

  it('are found by other services in the current project alone', async () => {
    const { id } = await newProject();
    const find = (userId: string) =>
      identity.service.request(GetMember, { userId }, { caller: as(admin, ['admin'], id) });

    await expect(find(tester.id)).resolves.toMatchObject({
      userId: tester.id,
      roles: ['qa'],
      installationRoles: ['user'],
    });
    await expect(find(stranger.id)).rejects.toMatchObject(refusedAs('MEMBER_NOT_FOUND', { id: stranger.id }));
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateUser,
  GetMe,
  GetSigningKeys,
  Login,
  ResolveAccess,
  UpdateMe,
  UpdateUser,
  UserChanged,
} from '@qa-pms/contracts';
import { SYSTEM } from '@qa-pms/platform';
import { startService, startTestDatabase } from '@qa-pms/testing';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { identityService } from '../src/service.js';
import { as, Identity, PASSWORD, refusedAs } from './identity.fixture.js';

let identity: Identity;

beforeAll(async () => {
  identity = await Identity.start();
});

afterAll(() => identity.stop());

const login = (username: string, password = PASSWORD) =>
  identity.service.request(Login, { username, password }, { caller: SYSTEM });

describe('sign-in', () => {
  it('gives a token that the published keys verify', async () => {
    const user = await identity.user('Quinn', ['qa', 'support']);

    const session = await login('qUINN');

    const keys = await identity.service.request(GetSigningKeys, {}, { caller: SYSTEM });
    const { payload, protectedHeader } = await jwtVerify(session.accessToken, createLocalJWKSet(keys), {
      issuer: 'qa-pms',
      audience: 'qa-pms',
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'jti', 'iat', 'nbf', 'exp'],
    });
    expect(payload).toMatchObject({ sub: user.id, roles: ['qa', 'support'], name: 'Name of Quinn' });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(900);
    expect(protectedHeader.kid).toBe(keys.keys[0]?.kid);
    expect(session).toMatchObject({ tokenType: 'Bearer', expiresIn: 900, user: { id: user.id, username: 'Quinn' } });
  });

  it('gives every token an id of its own', async () => {
    await identity.user('twice', ['qa']);

    const sessions = await Promise.all([login('twice'), login('twice')]);

    expect(new Set(sessions.map(({ accessToken }) => decodeJwt(accessToken).jti)).size).toBe(2);
  });

  it('refuses a wrong password, an unknown user and a disabled one with the same words', async () => {
    const gone = await identity.user('gone', ['qa']);
    await identity.service.request(UpdateUser, { id: gone.id, disabled: true }, { caller: SYSTEM });
    await identity.user('there', ['qa']);

    const outcomes = await Promise.allSettled([login('there', 'wrong'), login('nobody'), login('gone')]);

    const refusal = { status: 'rejected', reason: expect.objectContaining({ code: 'SIGN_IN_FAILED', details: {} }) };
    expect(outcomes).toEqual([refusal, refusal, refusal]);
  });
});

describe('signing keys', () => {
  it('are public halves only', async () => {
    const { keys } = await identity.service.request(GetSigningKeys, {}, { caller: SYSTEM });

    expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'e', 'kid', 'kty', 'n', 'use']]);
  });

  it('are opened after a change of the master key with the earlier one, and not without it', async () => {
    const database = await startTestDatabase();
    const [old, next] = ['aa'.repeat(32), 'bb'.repeat(32)];
    const signsIn = async (settings: Record<string, string>): Promise<boolean> => {
      const service = await startService(identityService, { databaseUrl: database.url, settings });
      try {
        const user = { username: 'Keeper', displayName: 'Keeper', email: null, password: PASSWORD, roles: ['qa'] };
        await service.request(CreateUser, user, { caller: SYSTEM }).catch(() => null);
        const session = await service
          .request(Login, { username: 'Keeper', password: PASSWORD }, { caller: SYSTEM })
          .catch(() => null);
        return session !== null;
      } finally {
        await service.stop();
      }
    };

    const before = await signsIn({ ENCRYPTION_KEY: old });
    const withBoth = await signsIn({ ENCRYPTION_KEY: next, ENCRYPTION_PREVIOUS_KEYS: old });
    const withNextAlone = signsIn({ ENCRYPTION_KEY: next });

    await expect(withNextAlone).rejects.toThrow(
      'encryption.key (ENCRYPTION_KEY): does not open the keys in the database',
    );
    expect([before, withBoth]).toEqual([true, true]);
    await database.stop();
  });

  it('are one for instances that start together, and the same after a restart', async () => {
    const database = await startTestDatabase();
    const start = () => startService(identityService, { databaseUrl: database.url });
    const instances = [await start(), await start(), await start()];

    const sets = await Promise.all(instances.map((one) => one.request(GetSigningKeys, {}, { caller: SYSTEM })));
    await Promise.all(instances.map((one) => one.stop()));
    const restarted = await start();
    const afterwards = await restarted.request(GetSigningKeys, {}, { caller: SYSTEM });

    expect(sets.map(({ keys }) => keys.length)).toEqual([1, 1, 1]);
    expect(sets).toEqual([afterwards, afterwards, afterwards]);
    await restarted.stop();
    await database.stop();
  });
});

describe('the own account', () => {
  it('shows roles, what they permit, and the projects', async () => {
    const admin = await identity.user('owner', ['admin']);
    const project = await identity.project('OWN', as(admin));
    const guest = await identity.user('guest', ['user']);
    await identity.member(project, guest, ['qa']);

    const me = await identity.service.request(GetMe, {}, { caller: as(guest) });

    expect(me).toMatchObject({ username: 'guest', email: null, timeZone: 'UTC', language: 'en', jiraAccountId: null });
    expect(me.projects).toEqual([{ id: project.id, key: 'OWN', name: 'Project OWN', roles: ['qa'] }]);
    expect(me.permissions).toEqual(expect.arrayContaining(['profile', 'documents:read']));
    expect(me.permissions).not.toContain('tickets:read');
  });

  it('changes what is given, keeps the rest, and tells the others', async () => {
    const user = await identity.user('mover', ['qa']);
    const update = (payload: UpdateMe) => identity.service.request(UpdateMe, payload, { caller: as(user, ['qa']) });
    await update({ displayName: 'Mo Ver', jiraAccountId: 'jira-1' });

    const me = await update({ timeZone: 'Asia/Tokyo', language: 'ja' });

    expect(me).toMatchObject({
      displayName: 'Mo Ver',
      timeZone: 'Asia/Tokyo',
      language: 'ja',
      jiraAccountId: 'jira-1',
    });
    expect(await identity.service.published(UserChanged)).toContainEqual({
      userId: user.id,
      displayName: 'Mo Ver',
      timeZone: 'Asia/Tokyo',
    });
  });

  it('is changed from the version that was read, by one of two at the same time', async () => {
    const user = await identity.user('twofold', ['qa']);
    const update = (payload: UpdateMe) => identity.service.request(UpdateMe, payload, { caller: as(user) });

    const outcomes = await Promise.allSettled([
      update({ language: 'de', expectedVersion: user.rowVersion }),
      update({ language: 'fr', expectedVersion: user.rowVersion }),
    ]);
    const me = await identity.service.request(GetMe, {}, { caller: as(user) });

    const stale = refusedAs('PRECONDITION_FAILED', { rowVersion: 2 });
    expect(outcomes).toContainEqual({ status: 'fulfilled', value: me });
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining(stale) });
    expect(me.rowVersion).toBe(2);
  });

  it('is one row with what administrators see: neither change undoes the other', async () => {
    const user = await identity.user('shared', ['qa']);
    const { id } = user;

    const [me, account] = await Promise.all([
      identity.service.request(UpdateMe, { timeZone: 'Asia/Tokyo' }, { caller: as(user) }),
      identity.service.request(UpdateUser, { id, displayName: 'Sha Red' }, { caller: SYSTEM }),
    ]);

    const now = await identity.service.request(GetMe, {}, { caller: as(user) });
    expect(now).toMatchObject({ displayName: 'Sha Red', timeZone: 'Asia/Tokyo', rowVersion: 3 });
    expect([me.rowVersion, account.rowVersion].sort()).toEqual([2, 3]);
    const last = (await identity.service.published(UserChanged)).filter(({ userId }) => userId === id).at(-1);
    expect(last).toEqual({ userId: id, displayName: 'Sha Red', timeZone: 'Asia/Tokyo' });
  });

  it('lets go of the Jira account for null', async () => {
    const user = await identity.user('loose', ['qa']);
    await identity.service.request(UpdateMe, { jiraAccountId: 'jira-2' }, { caller: as(user) });

    const me = await identity.service.request(UpdateMe, { jiraAccountId: null }, { caller: as(user) });

    expect(me.jiraAccountId).toBeNull();
  });

  it.each([
    ['timeZone', { timeZone: 'Mars/Olympus' }],
    ['language', { language: 'not a language' }],
  ])('refuses a %s that does not exist', async (path, payload) => {
    const user = await identity.user(`strict-${path}`, ['qa']);

    const change = identity.service.request(UpdateMe, payload, { caller: as(user) });

    await expect(change).rejects.toMatchObject(
      refusedAs('VALIDATION_ERROR', { violations: [expect.objectContaining({ path })] }),
    );
  });

  it('is gone for a user who was disabled', async () => {
    const user = await identity.user('leaver', ['qa']);
    await identity.service.request(UpdateUser, { id: user.id, disabled: true }, { caller: SYSTEM });

    const outcomes = await Promise.allSettled([
      identity.service.request(GetMe, {}, { caller: as(user) }),
      identity.service.request(UpdateMe, { language: 'de' }, { caller: as(user) }),
      identity.service.request(ResolveAccess, { userId: user.id }, { caller: SYSTEM }),
    ]);

    const refusal = { status: 'rejected', reason: expect.objectContaining({ code: 'UNAUTHENTICATED' }) };
    expect(outcomes).toEqual([refusal, refusal, refusal]);
  });
});

describe('access of a user', () => {
  it('names the roles of the installation and of each project', async () => {
    const admin = await identity.user('granter', ['admin']);
    const project = await identity.project('GRANT', as(admin));

    const access = await identity.service.request(ResolveAccess, { userId: admin.id }, { caller: SYSTEM });

    expect(access).toEqual({
      userId: admin.id,
      displayName: 'Name of granter',
      roles: ['admin'],
      projects: [{ id: project.id, key: 'GRANT', name: 'Project GRANT', roles: ['admin'] }],
    });
  });
});

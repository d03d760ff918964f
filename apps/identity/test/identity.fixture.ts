import { expect } from '@jest/globals';
import { CreateProject, CreateUser, type Project, PutMember, type Role, type UserAccount } from '@qa-pms/contracts';
import { type Caller, SYSTEM } from '@qa-pms/platform';
import { startService, startTestDatabase, testCaller, type TestService } from '@qa-pms/testing';
import { identityService } from '../src/service.js';

/** The password of every user that a test makes. */
export const PASSWORD = 'correct horse battery staple';

/** Identity on a database of its own. */
export class Identity {
  private constructor(
    readonly service: TestService,
    readonly databaseUrl: string,
    private readonly removeDatabase: () => Promise<void>,
  ) {}

  static async start(): Promise<Identity> {
    const database = await startTestDatabase();
    const service = await startService(identityService, { databaseUrl: database.url });
    return new Identity(service, database.url, () => database.stop());
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.removeDatabase();
  }

  user(username: string, roles: Role[]): Promise<UserAccount> {
    const payload = { username, displayName: `Name of ${username}`, password: PASSWORD, roles };
    return this.service.request(CreateUser, payload, { caller: SYSTEM });
  }

  project(key: string, caller: Caller): Promise<Project> {
    return this.service.request(CreateProject, { key, name: `Project ${key}` }, { caller });
  }

  async member(project: Project, user: UserAccount, roles: Role[]): Promise<void> {
    await this.service.request(PutMember, { id: project.id, userId: user.id, roles }, { caller: SYSTEM });
  }
}

/** The caller that a gateway makes of a user: here with these roles, whatever identity itself knows of them. */
export function as(user: UserAccount, roles: Role[] = ['admin'], projectId?: string): Caller {
  return testCaller({ userId: user.id, roles, ...(projectId && { projectId }) });
}

/** What a refused request rejects with. */
export function refusedAs(code: string, details: Record<string, unknown> = {}): Record<string, unknown> {
  return { code, details: expect.objectContaining(details) };
}

import { Injectable } from '@nestjs/common';
import { type Access as UserAccess, AppError, permissionsOf, type Permission, ResolveAccess } from '@qa-pms/contracts';
import { type Caller, MessageBus, SYSTEM } from '@qa-pms/platform';
import { LRUCache } from 'lru-cache';

/** Changes of roles and memberships take effect within this. */
const FRESH_MS = 1_000;

/** Roles and memberships of users, asked of identity and kept for a second. */
@Injectable()
export class Access {
  private readonly users = new LRUCache<string, Promise<UserAccess>>({ max: 10_000, ttl: FRESH_MS });
  private readonly permissions = new Map<string, readonly Permission[]>();

  constructor(private readonly bus: MessageBus) {}

  /** The user outside of any project. Throws UNAUTHENTICATED where the user is gone or disabled. */
  async ofUser(userId: string): Promise<Caller> {
    const { displayName, roles } = await this.resolve(userId);
    return { userId, displayName, projectId: null, permissions: this.permit(roles), system: false };
  }

  /**
   * The user in a project, named by id or key; without a name in the only one. Throws PROJECT_REQUIRED, and
   * PROJECT_NOT_FOUND where the user is no member: whether it exists is nobody else's business.
   */
  async inProject(userId: string, name: string | null): Promise<Caller> {
    const { displayName, roles, projects } = await this.resolve(userId);
    if (name === null && projects.length !== 1)
      throw new AppError('PROJECT_REQUIRED', { projects: projects.map(({ key }) => key) });
    const wanted = name?.toLowerCase();
    const project =
      name === null
        ? projects[0]
        : projects.find(({ id, key }) => id.toLowerCase() === wanted || key.toLowerCase() === wanted);
    if (!project) throw new AppError('PROJECT_NOT_FOUND', { id: name });
    return {
      userId,
      displayName,
      projectId: project.id,
      permissions: this.permit([...roles, ...project.roles]),
      system: false,
    };
  }

  /** Everybody is asked for anew. */
  forget(): void {
    this.users.clear();
  }

  private resolve(userId: string): Promise<UserAccess> {
    const known = this.users.get(userId);
    if (known) return known;
    const asked = this.bus.request(ResolveAccess, { userId }, { caller: SYSTEM });
    this.users.set(userId, asked);
    asked.catch(() => this.users.delete(userId));
    return asked;
  }

  private permit(roles: string[]): readonly Permission[] {
    const name = [...new Set(roles)].sort().join(',');
    let permitted = this.permissions.get(name);
    if (!permitted) {
      permitted = permissionsOf(roles);
      this.permissions.set(name, permitted);
    }
    return permitted;
  }
}

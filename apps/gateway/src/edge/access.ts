import { Injectable } from '@nestjs/common';
import { type Access as UserAccess, AppError, permissionsOf, ResolveAccess } from '@qa-pms/contracts';
import { Cache, type Caller, MessageBus, SYSTEM } from '@qa-pms/platform';
import { SecurityFeed } from './security-feed.js';

/** Whatever the feed may miss (a database that was restored, a change by hand that took minutes) is seen by then. */
const KEPT_MS = 60_000;
/** No project has this name. */
const OUTSIDE = '';

/** Roles and memberships of users, asked of identity and kept until its feed says that they have changed. */
@Injectable()
export class Access {
  private readonly users = new Cache<Promise<UserAccess>>({
    service: 'gateway',
    name: 'access',
    max: 10_000,
    ttlMs: KEPT_MS,
  });
  /** What was answered of a user, by the name that a request gave the project. */
  private readonly callers = new WeakMap<UserAccess, Map<string | null, Caller>>();

  constructor(
    private readonly bus: MessageBus,
    private readonly feed: SecurityFeed,
  ) {
    feed.onChange = (userIds) => {
      if (userIds === null) this.users.clear();
      else for (const userId of userIds) this.users.delete(userId);
    };
  }

  /** The user outside of any project. Throws UNAUTHENTICATED where the user is gone or disabled. */
  ofUser(userId: string): Promise<Caller> {
    return this.caller(userId, OUTSIDE, ({ displayName, roles }) => ({
      userId,
      displayName,
      projectId: null,
      permissions: permissionsOf(roles),
      system: false,
    }));
  }

  /**
   * The user in a project, named by id or key; without a name in the only one. Throws PROJECT_REQUIRED, and
   * PROJECT_NOT_FOUND where the user is no member: whether it exists is nobody else's business.
   */
  inProject(userId: string, name: string | null): Promise<Caller> {
    return this.caller(userId, name, (access) => memberOf(userId, access, name));
  }

  /** Something has changed, and when this resolves is known here. */
  async changed(): Promise<void> {
    await this.feed.ask().catch(() => {
      this.users.clear();
    });
  }

  /** Made once for each answer of identity. */
  private async caller(userId: string, name: string | null, make: (access: UserAccess) => Caller): Promise<Caller> {
    if (this.feed.isStale) await this.feed.renew();
    const access = await this.resolve(userId);
    const known = this.callers.get(access) ?? new Map<string | null, Caller>();
    this.callers.set(access, known);
    const caller = known.get(name) ?? make(access);
    known.set(name, caller);
    return caller;
  }

  private resolve(userId: string): Promise<UserAccess> {
    const known = this.users.get(userId);
    if (known) return known;
    const asked = this.bus.request(ResolveAccess, { userId }, { caller: SYSTEM });
    this.users.set(userId, asked);
    asked.catch(() => {
      this.users.delete(userId);
    });
    return asked;
  }
}

function memberOf(userId: string, { displayName, roles, projects }: UserAccess, name: string | null): Caller {
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
    permissions: permissionsOf([...roles, ...project.roles]),
    system: false,
  };
}

import { Injectable } from '@nestjs/common';
import {
  type Access as ResolvedAccess,
  AppError,
  type Me,
  permissionsOf,
  type UpdateMe,
  UserChanged,
} from '@qa-pms/contracts';
import { Database, lookup } from '@qa-pms/database';
import { requireUser } from '@qa-pms/platform';
import { demandVersion } from '../row-version.js';
import { checkLanguage, checkTimeZone } from './locale-rules.js';
import { User } from './user.entity.js';

/** A user who may sign in, with their projects. */
export type Profile = Omit<Me, 'permissions'>;

const PROFILE_SQL = `
  SELECT users.id, users.username, users.display_name AS "displayName", users.email, users.roles,
    users.time_zone AS "timeZone", users.language, users.jira_account_id AS "jiraAccountId",
    users.row_version AS "rowVersion",
    coalesce(
      json_agg(
        json_build_object('id', projects.id, 'key', projects.key, 'name', projects.name, 'roles', memberships.roles)
        ORDER BY projects.key
      ) FILTER (WHERE projects.id IS NOT NULL),
      '[]'
    ) AS projects
  FROM identity.users
  LEFT JOIN identity.memberships ON memberships.user_id = users.id
  LEFT JOIN identity.projects ON projects.id = memberships.project_id AND projects.deleted_at IS NULL
  WHERE users.id = $1 AND users.disabled_at IS NULL
  GROUP BY users.id`;

const PROFILE = lookup('identity-profile', PROFILE_SQL);

/** The account of the signed-in user, and what a user may do. */
@Injectable()
export class ProfileService {
  constructor(private readonly db: Database) {}

  getMe(): Promise<Me> {
    return this.profileOf(requireUser().userId);
  }

  /** The profile of a user. Errors: UNAUTHENTICATED where they are gone or disabled. */
  async profileOf(userId: string): Promise<Me> {
    return toMe(await this.db.read<Profile>(PROFILE, [userId]));
  }

  async updateMe(command: UpdateMe): Promise<Me> {
    const id = requireUser().userId;
    if (command.timeZone) checkTimeZone(command.timeZone);
    if (command.language) checkLanguage(command.language);
    return this.db.once(async (tx) => {
      const before = await tx.typeorm((manager) =>
        manager.findOne(User, { where: { id }, lock: { mode: 'pessimistic_write' } }),
      );
      if (!before) throw new AppError('UNAUTHENTICATED');
      demandVersion(before, command.expectedVersion);
      const displayName = command.displayName ?? before.displayName;
      const timeZone = command.timeZone ?? before.timeZone;
      const language = command.language ?? before.language;
      await tx.typeorm((manager) =>
        manager.update(User, { id }, { displayName, timeZone, language, jiraAccountId: command.jiraAccountId }),
      );
      tx.publish(UserChanged, { userId: id, displayName, timeZone });
      return toMe(await tx.query<Profile>(PROFILE_SQL, [id]));
    });
  }

  async resolveAccess(userId: string): Promise<ResolvedAccess> {
    const { displayName, roles, projects } = await this.profileOf(userId);
    return { userId, displayName, roles, projects };
  }
}

function toMe([profile]: Profile[]): Me {
  if (!profile) throw new AppError('UNAUTHENTICATED');
  return { ...profile, permissions: permissionsOf(profile.roles) };
}

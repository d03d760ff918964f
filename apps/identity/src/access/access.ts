import { Injectable } from '@nestjs/common';
import { AppError, type Permission, permissionsOf } from '@qa-pms/contracts';
import { Database, lookup, type Transaction } from '@qa-pms/database';
import { caller, requireUser } from '@qa-pms/platform';
import { PROJECT_COLUMNS, type ProjectRow } from '../projects/project.entity.js';

interface Found extends ProjectRow {
  memberRoles: string[] | null;
  userRoles: string[] | null;
}

const PROJECT_SQL = `
  SELECT ${PROJECT_COLUMNS}, memberships.roles AS "memberRoles", users.roles AS "userRoles"
  FROM identity.projects
  LEFT JOIN identity.memberships ON memberships.project_id = projects.id AND memberships.user_id = $2
  LEFT JOIN identity.users ON users.id = memberships.user_id
  WHERE projects.id = $1 AND projects.deleted_at IS NULL`;

const PROJECT = lookup('identity-project-access', PROJECT_SQL);

const USER_ROLES = lookup(
  'identity-user-roles',
  'SELECT roles FROM identity.users WHERE id = $1 AND disabled_at IS NULL',
);

/**
 * Decides who may touch which project, in place of row-level security. It reads the roles again: they are at hand
 * here, and the permissions that came with a request may have been resolved for another project than the one it names.
 */
@Injectable()
export class Access {
  constructor(private readonly db: Database) {}

  /** The project. Errors: PROJECT_NOT_FOUND where the caller is no member, FORBIDDEN without the permission. */
  async project(id: string, permission: Permission): Promise<ProjectRow> {
    const rows = await this.db.read<Found>(PROJECT, [id, caller().userId]);
    return decide(rows, id, permission);
  }

  /** The same, with the project locked until the end of the transaction: changes of one project wait for each other. */
  async lockProject(tx: Transaction, id: string, permission: Permission): Promise<ProjectRow> {
    // Locked first and read then: roles read by the locking query itself would be those from before its wait.
    await tx.query('SELECT 1 FROM identity.projects WHERE id = $1 FOR UPDATE', [id]);
    return decide(await tx.query<Found>(PROJECT_SQL, [id, caller().userId]), id, permission);
  }

  /**
   * Passes where the roles of the installation give the permission; roles in a project do not count.
   * Errors: UNAUTHENTICATED where the user is gone or disabled, FORBIDDEN.
   */
  async installation(permission: Permission): Promise<void> {
    if (caller().system) return;
    const [user] = await this.db.read<{ roles: string[] }>(USER_ROLES, [requireUser().userId]);
    if (!user) throw new AppError('UNAUTHENTICATED');
    demand(permission, user.roles);
  }
}

function decide([found]: Found[], id: string, permission: Permission): ProjectRow {
  if (!found) throw new AppError('PROJECT_NOT_FOUND', { id });
  const { memberRoles, userRoles, ...project } = found;
  if (caller().system) return project;
  if (!memberRoles) throw new AppError('PROJECT_NOT_FOUND', { id });
  demand(permission, [...memberRoles, ...(userRoles ?? [])]);
  return project;
}

function demand(permission: Permission, roles: readonly string[]): void {
  if (!permissionsOf(roles).includes(permission)) throw new AppError('FORBIDDEN', { permission });
}

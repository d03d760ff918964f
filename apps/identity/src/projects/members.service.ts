import { Injectable } from '@nestjs/common';
import {
  AppError,
  type Empty,
  type ListMembers,
  type Member,
  MemberRemoved,
  type MemberWithRoles,
  paged,
  type Pagination,
  type PutMember,
  type RemoveMember,
} from '@qa-pms/contracts';
import { Database, lookup, ordersBy, sortedStatements, type Transaction } from '@qa-pms/database';
import { requireProject } from '@qa-pms/platform';
import { Access } from '../access/access.js';
import { Membership } from './membership.entity.js';

const MEMBER_COLUMNS = `
  users.id AS "userId", users.username, users.display_name AS "displayName", memberships.roles`;

const MEMBERS_SQL = `identity.memberships
  JOIN identity.users ON users.id = memberships.user_id
  JOIN identity.projects ON projects.id = memberships.project_id AND projects.deleted_at IS NULL
  WHERE memberships.project_id = $1`;

const ORDERS = ordersBy({ username: 'lower(users.username)', display_name: 'lower(users.display_name)' }, 'users.id');

const LISTS = sortedStatements('identity-list-members', ORDERS, {
  select: MEMBER_COLUMNS,
  from: MEMBERS_SQL,
  parameters: 1,
});

const GET_MEMBER = lookup(
  'identity-get-member',
  `SELECT ${MEMBER_COLUMNS}, users.roles AS "installationRoles" FROM ${MEMBERS_SQL}
     AND memberships.user_id = $2 AND users.disabled_at IS NULL`,
);

/** Who belongs to a project, and as what. */
@Injectable()
export class MembersService {
  constructor(
    private readonly db: Database,
    private readonly access: Access,
  ) {}

  /** All members, also those whose account is disabled: their names still stand in what they did. */
  async list(query: ListMembers): Promise<{ data: Member[]; pagination: Pagination }> {
    await this.access.project(query.id, 'members:read');
    const { rows, total } = await this.db.readPage<Member>(LISTS[query.sortBy ?? 'username'], [query.id], query);
    return paged(rows, total, query);
  }

  /** A member of the current project who can sign in. */
  async get(userId: string): Promise<MemberWithRoles> {
    const [member] = await this.db.read<MemberWithRoles>(GET_MEMBER, [requireProject(), userId]);
    if (!member) throw new AppError('MEMBER_NOT_FOUND', { id: userId });
    return member;
  }

  put(command: PutMember): Promise<Member> {
    const { id: projectId, userId } = command;
    const roles = [...new Set(command.roles)];
    return this.db.once(async (tx) => {
      await this.access.lockProject(tx, projectId, 'members:write');
      const [user] = await tx.query<{ username: string; displayName: string }>(
        `SELECT username, display_name AS "displayName" FROM identity.users WHERE id = $1 AND disabled_at IS NULL`,
        [userId],
      );
      if (!user) throw new AppError('USER_NOT_FOUND', { id: userId });
      if (!roles.includes('admin')) await this.keepAnAdministrator(tx, projectId, userId);
      await tx.typeorm((manager) => manager.upsert(Membership, { projectId, userId, roles }, ['projectId', 'userId']));
      return { userId, ...user, roles };
    });
  }

  remove({ id: projectId, userId }: RemoveMember): Promise<Empty> {
    return this.db.once(async (tx) => {
      await this.access.lockProject(tx, projectId, 'members:write');
      await this.keepAnAdministrator(tx, projectId, userId);
      const { affected } = await tx.typeorm((manager) => manager.delete(Membership, { projectId, userId }));
      if (affected === 0) throw new AppError('MEMBER_NOT_FOUND', { id: userId });
      tx.publish(MemberRemoved, { projectId, userId });
      return {};
    });
  }

  /** Throws LAST_ADMIN where nobody but this user administers the project. The project's lock keeps that true. */
  private async keepAnAdministrator(tx: Transaction, projectId: string, userId: string): Promise<void> {
    const administrators = await tx.query<{ id: string }>(
      `SELECT users.id FROM identity.memberships JOIN identity.users ON users.id = memberships.user_id
       WHERE memberships.project_id = $1 AND 'admin' = ANY (memberships.roles) AND users.disabled_at IS NULL`,
      [projectId],
    );
    if (administrators.length === 1 && administrators[0]?.id === userId) throw new AppError('LAST_ADMIN');
  }
}

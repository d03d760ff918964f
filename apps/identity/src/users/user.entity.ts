import type { UserAccount } from '@qa-pms/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';

/** Somebody who can sign in. */
@Entity({ schema: 'identity', name: 'users' })
export class User {
  @PrimaryColumn('uuid')
  id!: string;

  /** Unique whatever its capitals; kept as it was written. */
  @Column('text')
  username!: string;

  @Column('text', { name: 'display_name' })
  displayName!: string;

  @Column('text', { nullable: true })
  email!: string | null;

  /** argon2id in PHC form; left out of what is read unless asked for. */
  @Column('text', { name: 'password_hash', select: false })
  passwordHash!: string;

  /** Roles of the installation. */
  @Column('text', { array: true })
  roles!: string[];

  @Column('text', { name: 'time_zone', default: 'UTC' })
  timeZone!: string;

  @Column('text', { default: 'en' })
  language!: string;

  @Column('text', { name: 'jira_account_id', nullable: true })
  jiraAccountId!: string | null;

  /** Since when the account may not sign in; null: it may. */
  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt!: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;

  @VersionColumn({ name: 'row_version' })
  rowVersion!: number;
}

/** Columns of an account under the names of the entity, for plain SQL. */
export const ACCOUNT_COLUMNS = `users.id, users.username, users.display_name AS "displayName", users.email, users.roles,
  users.disabled_at AS "disabledAt", users.created_at AS "createdAt", users.updated_at AS "updatedAt",
  users.row_version AS "rowVersion"`;

/** A user with those columns. */
export type Account = Pick<
  User,
  'id' | 'username' | 'displayName' | 'email' | 'roles' | 'disabledAt' | 'createdAt' | 'updatedAt' | 'rowVersion'
>;

/** The account as administrators see it. */
export function toUserAccount(user: Account): UserAccount {
  return {
    id: user.id,
    username: user.username,
    displayName: user.displayName,
    email: user.email,
    roles: user.roles,
    disabledAt: user.disabledAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
    rowVersion: user.rowVersion,
  };
}

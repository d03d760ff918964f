import { BooleanField, IdField, IntegerField, ListField, TextField, TextListField, TimeField } from './fields.js';
import { command, event, query } from './message.js';
import { pageOf, PageQuery, SortField, sortsOf } from './paging.js';
import { ROLES } from './permissions.js';
import { Empty } from './identity.js';

/** An account, as administrators of the installation see it. */
export class UserAccount {
  @IdField({ description: 'The user.' })
  id!: string;

  @TextField({ description: 'Name to sign in with.', max: 100, example: 'qa' })
  username!: string;

  @TextField({ description: 'Name to show.', max: 200, example: 'Quinn Abara' })
  displayName!: string;

  @TextField({ description: 'E-mail address.', max: 320, nullable: true, example: 'qa@example.com' })
  email!: string | null;

  @TextListField({ description: 'Roles of the installation.', max: 30, values: ROLES, example: ['qa'] })
  roles!: string[];

  @TimeField({ description: 'When it was disabled; null: it may sign in.', nullable: true })
  disabledAt!: string | null;

  @TimeField({ description: 'When it was made.' })
  createdAt!: string;

  @TimeField({ description: 'When it was last changed.' })
  updatedAt!: string;

  @IntegerField({ description: 'Grows by one with every change; also the ETag.', example: 1 })
  rowVersion!: number;
}

export const USER_SORTS = sortsOf('username', 'display_name', 'created_at', 'updated_at');

/** All users of the installation. */
export class ListUsers extends query(
  { service: 'identity', name: 'list-users', reply: pageOf(UserAccount), permission: 'users:write' },
  PageQuery,
) {
  @SortField(USER_SORTS, 'username')
  sortBy?: (typeof USER_SORTS)[number];
}

export class GetUser extends query({
  service: 'identity',
  name: 'get-user',
  reply: UserAccount,
  permission: 'users:write',
  errors: ['USER_NOT_FOUND'],
}) {
  @IdField({ description: 'The user.' })
  id!: string;
}

/** Letters, digits and a few signs: no two user names look alike. */
const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;

/** Capitals do not distinguish names. */
export class CreateUser extends command({
  service: 'identity',
  name: 'create-user',
  reply: UserAccount,
  permission: 'users:write',
  confidential: true,
  key: null,
  errors: ['USERNAME_TAKEN'],
}) {
  @TextField({ description: 'Name to sign in with.', max: 100, pattern: USERNAME, example: 'qa' })
  username!: string;

  @TextField({ description: 'Name to show.', max: 200, example: 'Quinn Abara' })
  displayName!: string;

  @TextField({ description: 'E-mail address.', max: 320, optional: true, example: 'qa@example.com' })
  email?: string | null;

  @TextField({
    description: 'Password: at least 12 characters, and not the user name.',
    max: 1000,
    min: 12,
    example: 'correct horse battery staple',
  })
  password!: string;

  @TextListField({ description: 'Roles of the installation.', max: 30, minItems: 1, values: ROLES, example: ['qa'] })
  roles!: string[];
}

export class UpdateUser extends command({
  service: 'identity',
  name: 'update-user',
  reply: UserAccount,
  permission: 'users:write',
  key: 'id',
  errors: ['USER_NOT_FOUND', 'PRECONDITION_FAILED', 'LAST_ADMIN'],
}) {
  @IdField({ description: 'The user.' })
  id!: string;

  @TextField({ description: 'Name to show.', max: 200, optional: true, example: 'Quinn Abara' })
  displayName?: string;

  @TextField({ description: 'E-mail address; null removes it.', max: 320, optional: true, example: 'qa@example.com' })
  email?: string | null;

  @TextListField({
    description: 'Roles of the installation.',
    max: 30,
    minItems: 1,
    values: ROLES,
    optional: true,
    example: ['qa', 'support'],
  })
  roles?: string[];

  @BooleanField({ description: 'Whether the account may no longer sign in.', optional: true, example: false })
  disabled?: boolean;

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
}

export class DemoUser {
  @TextField({ description: 'Name to sign in with.', max: 100, pattern: USERNAME, example: 'qa' })
  username!: string;

  @TextField({ description: 'Name to show.', max: 200, example: 'Quinn Abara' })
  displayName!: string;

  @TextField({ description: 'E-mail address.', max: 320, example: 'qa@example.com' })
  email!: string;

  @TextField({ description: 'Password, for a user that is new.', max: 1000, min: 12 })
  password!: string;

  @TextListField({ description: 'Roles of the installation and of the projects.', max: 30, values: ROLES })
  roles!: string[];
}

export class DemoProject {
  @TextField({ description: 'Its short key.', max: 20, example: 'DEMO' })
  key!: string;

  @TextField({ description: 'Its name.', max: 200, example: 'Demo project' })
  name!: string;

  @TextField({ description: 'What it is about.', max: 5000, example: 'Booking engine and front desk.' })
  description!: string;

  @TextListField({ description: 'User names of its members.', max: 100, example: ['qa'] })
  members!: string[];
}

/** Makes demo users and projects that are missing, and leaves what exists as it is. For a first start; not a route. */
export class SeedDemo extends command({
  service: 'identity',
  name: 'seed-demo',
  reply: Empty,
  permission: 'users:write',
  confidential: true,
  key: null,
}) {
  @ListField(() => DemoUser, { description: 'The users.' })
  users!: DemoUser[];

  @ListField(() => DemoProject, { description: 'The projects with their members.' })
  projects!: DemoProject[];
}

/** A user was made or changed their profile. */
export class UserChanged extends event({ service: 'identity', name: 'user-changed', key: 'userId' }) {
  @IdField({ description: 'The user.' })
  userId!: string;

  @TextField({ description: 'Name to show.', max: 200 })
  displayName!: string;

  @TextField({ description: 'IANA time zone.', max: 64 })
  timeZone!: string;
}

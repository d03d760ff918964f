import {
  BooleanField,
  EnumField,
  IdField,
  IntegerField,
  ListField,
  ObjectField,
  TextField,
  TextListField,
  TimeField,
} from './fields.js';
import { command, event, query } from './message.js';
import { listOf, pageOf, PageQuery } from './paging.js';
import { ROLES } from './permissions.js';

/** Services answer it where there is nothing to say. */
export class Empty {}

export class ProjectMembership {
  @IdField({ description: 'The project.' })
  id!: string;

  @TextField({ description: 'Its short key.', max: 20, example: 'DEMO' })
  key!: string;

  @TextField({ description: 'Its name.', max: 200, example: 'Demo project' })
  name!: string;

  @TextListField({ description: 'Roles of this user in this project.', max: 30, values: ROLES, example: ['qa'] })
  roles!: string[];
}

/** The signed-in user. */
export class Me {
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

  @TextListField({
    description: 'What the roles of the installation permit.',
    max: 50,
    example: ['profile', 'tickets:read'],
  })
  permissions!: string[];

  @ListField(() => ProjectMembership, { description: 'Projects that the user is a member of.' })
  projects!: ProjectMembership[];

  @TextField({ description: 'IANA time zone.', max: 64, example: 'Europe/Berlin' })
  timeZone!: string;

  @TextField({ description: 'BCP 47 language.', max: 35, example: 'en' })
  language!: string;

  @TextField({ description: 'Jira account chosen in the profile.', max: 128, nullable: true, example: null })
  jiraAccountId!: string | null;
}

export class Session {
  @TextField({ description: 'JWT (RS256) for `Authorization: Bearer`.', max: 4000, example: 'eyJhbGciOiJSUzI1NiJ9…' })
  accessToken!: string;

  @EnumField({ description: 'Always Bearer.', values: ['Bearer'] })
  tokenType!: 'Bearer';

  @IntegerField({ description: 'Seconds until the access token expires.', example: 900 })
  expiresIn!: number;

  @ObjectField(() => Me, { description: 'Who signed in.' })
  user!: Me;
}

/** Sign-in with user name and password. Errors: SIGN_IN_FAILED. */
export class Login extends query({ service: 'identity', name: 'login', reply: Session }) {
  @TextField({ description: 'User name.', max: 100, example: 'qa' })
  username!: string;

  @TextField({ description: 'Password.', max: 1000, example: 'correct horse battery staple' })
  password!: string;
}

export class GetMe extends query({ service: 'identity', name: 'get-me', reply: Me, permission: 'profile' }) {}

export class UpdateMe extends command({
  service: 'identity',
  name: 'update-me',
  reply: Me,
  permission: 'profile',
  key: null,
}) {
  @TextField({ description: 'Name to show.', max: 200, optional: true, example: 'Quinn Abara' })
  displayName?: string;

  @TextField({ description: 'IANA time zone.', max: 64, optional: true, example: 'Europe/Berlin' })
  timeZone?: string;

  @TextField({ description: 'BCP 47 language.', max: 35, optional: true, example: 'en' })
  language?: string;

  @TextField({
    description: 'Jira account of this user; null removes it.',
    max: 128,
    optional: true,
    example: '5b10ac8d82e05b22cc7d4ef5',
  })
  jiraAccountId?: string | null;
}

/** One public signing key (RFC 7517). */
export class JsonWebKey {
  @TextField({ description: 'Key type.', max: 10, example: 'RSA' })
  kty!: string;
  @TextField({ description: 'Key id.', max: 100 })
  kid!: string;
  @TextField({ description: 'Algorithm.', max: 10, example: 'RS256' })
  alg!: string;
  @TextField({ description: 'Use.', max: 10, example: 'sig' })
  use!: string;
  @TextField({ description: 'Modulus.', max: 2000 })
  n!: string;
  @TextField({ description: 'Exponent.', max: 20, example: 'AQAB' })
  e!: string;
}

export class JsonWebKeySet {
  @ListField(() => JsonWebKey, { description: 'Keys that tokens may be signed with.' })
  keys!: JsonWebKey[];
}

export class GetSigningKeys extends query({ service: 'identity', name: 'get-signing-keys', reply: JsonWebKeySet }) {}

/** What a user may do, for the gateway's cache. */
export class Access {
  @IdField({ description: 'The user.' })
  userId!: string;
  @TextField({ description: 'Name to show.', max: 200 })
  displayName!: string;
  @TextListField({ description: 'Roles of the installation.', max: 30 })
  roles!: string[];
  @ListField(() => ProjectMembership, { description: 'Memberships with their roles.' })
  projects!: ProjectMembership[];
}

/** Roles and memberships of a user. Errors: UNAUTHENTICATED where the user is gone or disabled. */
export class ResolveAccess extends query({ service: 'identity', name: 'resolve-access', reply: Access }) {
  @IdField({ description: 'The user.' })
  userId!: string;
}

export class Project {
  @IdField({ description: 'The project.' })
  id!: string;

  @TextField({ description: 'Short key, upper case.', max: 20, example: 'DEMO' })
  key!: string;

  @TextField({ description: 'Name.', max: 200, example: 'Demo project' })
  name!: string;

  @TextField({
    description: 'What it is about.',
    max: 5000,
    min: 0,
    nullable: true,
    example: 'Booking engine and front desk.',
  })
  description!: string | null;

  @TimeField({ description: 'When it was made.' })
  createdAt!: string;

  @TimeField({ description: 'When it was last changed.' })
  updatedAt!: string;
}

export class ListProjects extends query(
  { service: 'identity', name: 'list-projects', reply: pageOf(Project), permission: 'profile' },
  PageQuery,
) {}

/** Errors: PROJECT_KEY_TAKEN. The creator becomes a member with the role `admin`. */
export class CreateProject extends command({
  service: 'identity',
  name: 'create-project',
  reply: Project,
  permission: 'projects:create',
  key: 'key',
}) {
  @TextField({
    description: 'Short key: a capital letter, then capitals and digits.',
    max: 20,
    min: 2,
    pattern: /^[A-Z][A-Z0-9]*$/,
    example: 'PMS',
  })
  key!: string;

  @TextField({ description: 'Name.', max: 200, example: 'Property management' })
  name!: string;

  @TextField({
    description: 'What it is about.',
    max: 5000,
    min: 0,
    optional: true,
    example: 'Booking engine and front desk.',
  })
  description?: string;
}

/** Errors: PROJECT_NOT_FOUND, also where the caller is no member. */
export class GetProject extends query({
  service: 'identity',
  name: 'get-project',
  reply: Project,
  permission: 'projects:read',
}) {
  @IdField({ description: 'The project.' })
  id!: string;
}

/** A project by its key, for services that are configured with one; not a route. Errors: PROJECT_NOT_FOUND. */
export class FindProject extends query({ service: 'identity', name: 'find-project', reply: Project }) {
  @TextField({ description: 'Its short key.', max: 20, example: 'DEMO' })
  key!: string;
}

export class UpdateProject extends command({
  service: 'identity',
  name: 'update-project',
  reply: Project,
  permission: 'members:write',
  key: 'id',
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @TextField({ description: 'Name.', max: 200, optional: true, example: 'Property management' })
  name?: string;

  @TextField({
    description: 'What it is about; null removes it.',
    max: 5000,
    min: 0,
    optional: true,
    example: 'Booking engine.',
  })
  description?: string | null;
}

/** Soft delete. */
export class DeleteProject extends command({
  service: 'identity',
  name: 'delete-project',
  reply: Empty,
  permission: 'projects:create',
  key: 'id',
}) {
  @IdField({ description: 'The project.' })
  id!: string;
}

export class Member {
  @IdField({ description: 'The user.' })
  userId!: string;

  @TextField({ description: 'Name to sign in with.', max: 100, example: 'qa' })
  username!: string;

  @TextField({ description: 'Name to show.', max: 200, example: 'Quinn Abara' })
  displayName!: string;

  @TextListField({ description: 'Roles in this project.', max: 30, values: ROLES, example: ['qa'] })
  roles!: string[];
}

export class ListMembers extends query({
  service: 'identity',
  name: 'list-members',
  reply: listOf(Member),
  permission: 'members:read',
}) {
  @IdField({ description: 'The project.' })
  id!: string;
}

/** Adds a member, or changes the roles of one. Errors: PROJECT_NOT_FOUND, USER_NOT_FOUND, LAST_ADMIN. */
export class PutMember extends command({
  service: 'identity',
  name: 'put-member',
  reply: Member,
  permission: 'members:write',
  key: 'id',
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @IdField({ description: 'The user.' })
  userId!: string;

  @TextListField({ description: 'Roles in this project.', max: 30, values: ROLES, example: ['qa'] })
  roles!: string[];
}

/** Their workflows are paused and can be handed over. Errors: PROJECT_NOT_FOUND, MEMBER_NOT_FOUND, LAST_ADMIN. */
export class RemoveMember extends command({
  service: 'identity',
  name: 'remove-member',
  reply: Empty,
  permission: 'members:write',
  key: 'id',
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @IdField({ description: 'The user.' })
  userId!: string;
}

/** A member of the current project. Errors: MEMBER_NOT_FOUND. For other services; not a route. */
export class GetMember extends query({ service: 'identity', name: 'get-member', reply: Member }) {
  @IdField({ description: 'The user.' })
  userId!: string;
}

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
}

/** All users of the installation, by user name. */
export class ListUsers extends query(
  { service: 'identity', name: 'list-users', reply: pageOf(UserAccount), permission: 'users:write' },
  PageQuery,
) {}

/** Errors: USER_NOT_FOUND. */
export class GetUser extends query({
  service: 'identity',
  name: 'get-user',
  reply: UserAccount,
  permission: 'users:write',
}) {
  @IdField({ description: 'The user.' })
  id!: string;
}

/** Letters, digits and a few signs: no two user names look alike. */
const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;

/** Errors: USERNAME_TAKEN (capitals do not distinguish), VALIDATION_ERROR for a weak password. */
export class CreateUser extends command({
  service: 'identity',
  name: 'create-user',
  reply: UserAccount,
  permission: 'users:write',
  key: null,
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

  @TextListField({ description: 'Roles of the installation.', max: 30, values: ROLES, example: ['qa'] })
  roles!: string[];
}

/** Errors: USER_NOT_FOUND, LAST_ADMIN. */
export class UpdateUser extends command({
  service: 'identity',
  name: 'update-user',
  reply: UserAccount,
  permission: 'users:write',
  key: 'id',
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
    values: ROLES,
    optional: true,
    example: ['qa', 'support'],
  })
  roles?: string[];

  @BooleanField({ description: 'Whether the account may no longer sign in.', optional: true, example: false })
  disabled?: boolean;
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

export class MemberRemoved extends event({ service: 'identity', name: 'member-removed', key: 'userId' }) {
  @IdField({ description: 'The project that they are no longer a member of.' })
  projectId!: string;

  @IdField({ description: 'The user.' })
  userId!: string;
}

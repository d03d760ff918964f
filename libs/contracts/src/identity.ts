import {
  BooleanField,
  EnumField,
  IdField,
  IntegerField,
  ListField,
  ObjectField,
  TextField,
  TextListField,
} from './fields.js';
import { command, query } from './message.js';
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

  @IntegerField({
    description: 'Grows by one with every change of the account, memberships aside; also the ETag.',
    example: 1,
  })
  rowVersion!: number;
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

/** Sign-in with user name and password. UNAUTHENTICATED: the user was disabled at that very moment. */
export class Login extends query({
  service: 'identity',
  name: 'login',
  reply: Session,
  confidential: true,
  errors: ['SIGN_IN_FAILED', 'UNAUTHENTICATED'],
}) {
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
  errors: ['PRECONDITION_FAILED'],
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

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
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

/** Roles and memberships of a user. UNAUTHENTICATED: the user is gone or disabled. */
export class ResolveAccess extends query({
  service: 'identity',
  name: 'resolve-access',
  reply: Access,
  errors: ['UNAUTHENTICATED'],
}) {
  @IdField({ description: 'The user.' })
  userId!: string;
}

/** Users told by one answer; of more, all are to be asked anew. */
export const MAX_ACCESS_CHANGES = 1_000;

/** Whose answer to `ResolveAccess` may have become another one. */
export class AccessChanges {
  @TextField({ description: 'Where the next question goes on.', max: 20, example: '5120' })
  cursor!: string;
  @BooleanField({ description: 'Anybody: nothing was named to go on from, or too much has changed since.' })
  everybody!: boolean;
  @TextListField({
    description: 'Else these users, some of them perhaps again.',
    max: 36,
    maxItems: MAX_ACCESS_CHANGES,
  })
  userIds!: string[];
}

/** What every gateway asks on and on, so that it may keep what it knows of a user. */
export class GetAccessChanges extends query({
  service: 'identity',
  name: 'get-access-changes',
  reply: AccessChanges,
  isRoutine: true,
}) {
  @TextField({ description: 'The cursor of the answer before.', max: 20, pattern: /^\d+$/, optional: true })
  since?: string;
}

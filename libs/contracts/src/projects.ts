import { IdField, IntegerField, TextField, TextListField, TimeField } from './fields.js';
import { command, event, query } from './message.js';
import { pageOf, PageQuery, SortField, sortsOf } from './paging.js';
import { ROLES } from './permissions.js';
import { Empty } from './identity.js';

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

  @IntegerField({ description: 'Grows by one with every change; also the ETag.', example: 1 })
  rowVersion!: number;
}

export const PROJECT_SORTS = sortsOf('key', 'name', 'created_at', 'updated_at');

export class ListProjects extends query(
  { service: 'identity', name: 'list-projects', reply: pageOf(Project), permission: 'profile' },
  PageQuery,
) {
  @SortField(PROJECT_SORTS, 'key')
  sortBy?: (typeof PROJECT_SORTS)[number];
}

/** The creator becomes a member with the role `admin`. */
export class CreateProject extends command({
  service: 'identity',
  name: 'create-project',
  reply: Project,
  permission: 'projects:create',
  key: 'key',
  errors: ['PROJECT_KEY_TAKEN'],
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

/** Nobody but a member finds it. */
export class GetProject extends query({
  service: 'identity',
  name: 'get-project',
  reply: Project,
  permission: 'projects:read',
  errors: ['PROJECT_NOT_FOUND'],
}) {
  @IdField({ description: 'The project.' })
  id!: string;
}

/** A project by its key, for services that are configured with one; not a route. */
export class FindProject extends query({
  service: 'identity',
  name: 'find-project',
  reply: Project,
  errors: ['PROJECT_NOT_FOUND'],
}) {
  @TextField({ description: 'Its short key.', max: 20, example: 'DEMO' })
  key!: string;
}

export class UpdateProject extends command({
  service: 'identity',
  name: 'update-project',
  reply: Project,
  permission: 'members:write',
  key: 'id',
  errors: ['PROJECT_NOT_FOUND', 'PRECONDITION_FAILED'],
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

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
}

/** Soft delete. */
export class DeleteProject extends command({
  service: 'identity',
  name: 'delete-project',
  reply: Empty,
  permission: 'projects:create',
  key: 'id',
  errors: ['PROJECT_NOT_FOUND', 'PRECONDITION_FAILED'],
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @IntegerField({ description: '`rowVersion` that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
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

export const MEMBER_SORTS = sortsOf('username', 'display_name');

export class ListMembers extends query(
  {
    service: 'identity',
    name: 'list-members',
    reply: pageOf(Member),
    permission: 'members:read',
    errors: ['PROJECT_NOT_FOUND'],
  },
  PageQuery,
) {
  @IdField({ description: 'The project.' })
  id!: string;

  @SortField(MEMBER_SORTS, 'username')
  sortBy?: (typeof MEMBER_SORTS)[number];
}

/** Adds a member, or changes the roles of one. */
export class PutMember extends command({
  service: 'identity',
  name: 'put-member',
  reply: Member,
  permission: 'members:write',
  key: 'id',
  errors: ['PROJECT_NOT_FOUND', 'USER_NOT_FOUND', 'LAST_ADMIN'],
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @IdField({ description: 'The user.' })
  userId!: string;

  @TextListField({ description: 'Roles in this project.', max: 30, minItems: 1, values: ROLES, example: ['qa'] })
  roles!: string[];
}

/** Their workflows are paused and can be handed over. */
export class RemoveMember extends command({
  service: 'identity',
  name: 'remove-member',
  reply: Empty,
  permission: 'members:write',
  key: 'id',
  errors: ['PROJECT_NOT_FOUND', 'MEMBER_NOT_FOUND', 'LAST_ADMIN'],
}) {
  @IdField({ description: 'The project.' })
  id!: string;

  @IdField({ description: 'The user.' })
  userId!: string;
}

/** A member as other services need one: what somebody may do follows from both kinds of roles. */
export class MemberWithRoles extends Member {
  @TextListField({ description: 'Roles in the whole installation.', max: 30, values: ROLES, optional: true })
  installationRoles?: string[];
}

/** A member of the current project. For other services; not a route. */
export class GetMember extends query({
  service: 'identity',
  name: 'get-member',
  reply: MemberWithRoles,
  errors: ['MEMBER_NOT_FOUND'],
}) {
  @IdField({ description: 'The user.' })
  userId!: string;
}

export class MemberRemoved extends event({ service: 'identity', name: 'member-removed', key: 'userId' }) {
  @IdField({ description: 'The project that they are no longer a member of.' })
  projectId!: string;

  @IdField({ description: 'The user.' })
  userId!: string;
}

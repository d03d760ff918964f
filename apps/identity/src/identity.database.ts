import { type DatabaseOptions, indexedKeys } from '@qa-pms/database';
import { CreateIdentity1763690000000 } from './migrations/1763690000000-create-identity.js';
import { CountChanges1763690060000 } from './migrations/1763690060000-count-changes.js';
import { NoteAccessChanges1763690120000 } from './migrations/1763690120000-note-access-changes.js';
import { Membership } from './projects/membership.entity.js';
import { Project } from './projects/project.entity.js';
import { SigningKey } from './sign-in/signing-key.entity.js';
import { User } from './users/user.entity.js';

/** What identity keeps in PostgreSQL. */
export const identityDatabase: DatabaseOptions = {
  schema: 'identity',
  entities: [User, Project, Membership, SigningKey],
  migrations: [
    CreateIdentity1763690000000,
    CountChanges1763690060000,
    NoteAccessChanges1763690120000,
    indexedKeys('identity'),
  ],
  acrossProjects: { memberships: 'They say which projects somebody is in, before there is one to be scoped to.' },
};

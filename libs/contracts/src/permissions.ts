/** Roles of the installation or of one project. */
export const ROLES = [
  'admin',
  'event_manager',
  'event_viewer',
  'qa',
  'pm',
  'po',
  'tech_lead',
  'qa_manager',
  'support',
  'user',
] as const;
export type Role = (typeof ROLES)[number];

const READERS: Role[] = ['admin', 'qa', 'pm', 'po', 'tech_lead', 'qa_manager', 'support'];
const TESTERS: Role[] = ['admin', 'qa', 'tech_lead', 'qa_manager'];
const LEADS: Role[] = ['admin', 'tech_lead', 'qa_manager'];
const MANAGERS: Role[] = ['admin', 'pm', 'po', 'tech_lead', 'qa_manager'];
const EVERYONE: Role[] = [...ROLES];
/** Every member but a `user`, who has no more than an own account and the documents. */
const MEMBERS: Role[] = ROLES.filter((role) => role !== 'user');

/** Who may what. Every permission of the product stands here, once. */
export const PERMISSIONS = {
  'tickets:read': READERS,
  'tickets:write': TESTERS,
  'templates:read': READERS,
  'templates:write': LEADS,
  search: READERS,
  /** Read and change one's own workflows. */
  'workflows:write': TESTERS,
  /** Read those of others. */
  'workflows:read': LEADS,
  'workflows:write:any': LEADS,
  /** Read times of others; one's own need `workflows:write`. */
  'time:read': LEADS,
  'time:correct': TESTERS,
  'time:correct:any': LEADS,
  'reports:read': READERS,
  'reports:write': TESTERS,
  'dashboard:read:own': READERS,
  'dashboard:read:all': MANAGERS,
  'patterns:read': MANAGERS,
  exports: MANAGERS,
  'alerts:write': LEADS,
  'patterns:resolve': LEADS,
  'alerts:own': MEMBERS,
  'events:read': ['admin', 'event_viewer', 'event_manager', 'qa', 'tech_lead', 'qa_manager', 'pm', 'po'],
  'events:write': ['admin', 'event_manager'],
  'receivers:write': ['admin', 'event_manager'],
  'members:read': MEMBERS,
  'members:write': ['admin', 'qa_manager'],
  'projects:read': MEMBERS,
  'projects:create': ['admin'],
  'integrations:read': MEMBERS,
  'integrations:write': ['admin', 'qa_manager'],
  stream: MEMBERS,
  'testmo:write': TESTERS,
  'postman:run': TESTERS,
  'documents:read': EVERYONE,
  'documents:write': ['admin', 'qa', 'pm', 'po', 'tech_lead', 'qa_manager'],
  'webhooks:write': ['admin', 'qa_manager'],
  setup: ['admin', 'qa_manager'],
  'support:read': ['admin', 'support'],
  'support:write': ['admin', 'support'],
  diagnostics: ['admin', 'support'],
  'users:write': ['admin'],
  'audit:read': ['admin'],
  'health:detailed': ['admin'],
  profile: EVERYONE,
} as const satisfies Record<string, readonly Role[]>;
export type Permission = keyof typeof PERMISSIONS;

/** All permissions that these roles give together, sorted. */
export function permissionsOf(roles: readonly string[]): Permission[] {
  const held = new Set(roles);
  const all = Object.entries(PERMISSIONS) as [Permission, readonly Role[]][];
  return (
    all
      // Who has roles in projects only still has an account of their own.
      .filter(([permission, allowed]) => permission === 'profile' || allowed.some((role) => held.has(role)))
      .map(([permission]) => permission)
      .sort()
  );
}

import { describe, expect, it } from '@jest/globals';
import { PERMISSIONS, permissionsOf, ROLES } from './permissions.js';

/** A row for each permission, a column for each role, in the order of the heading. */
const TABLE = `
                       admin event_manager event_viewer qa pm po tech_lead qa_manager support user
  tickets:read           x         -            -       x  x  x      x         x         x     -
  tickets:write          x         -            -       x  -  -      x         x         -     -
  templates:read         x         -            -       x  x  x      x         x         x     -
  templates:write        x         -            -       -  -  -      x         x         -     -
  search                 x         -            -       x  x  x      x         x         x     -
  workflows:write        x         -            -       x  -  -      x         x         -     -
  workflows:read         x         -            -       -  -  -      x         x         -     -
  workflows:write:any    x         -            -       -  -  -      x         x         -     -
  time:read              x         -            -       -  -  -      x         x         -     -
  time:correct           x         -            -       x  -  -      x         x         -     -
  time:correct:any       x         -            -       -  -  -      x         x         -     -
  reports:read           x         -            -       x  x  x      x         x         x     -
  reports:write          x         -            -       x  -  -      x         x         -     -
  dashboard:read:own     x         -            -       x  x  x      x         x         x     -
  dashboard:read:all     x         -            -       -  x  x      x         x         -     -
  patterns:read          x         -            -       -  x  x      x         x         -     -
  exports                x         -            -       -  x  x      x         x         -     -
  alerts:write           x         -            -       -  -  -      x         x         -     -
  patterns:resolve       x         -            -       -  -  -      x         x         -     -
  alerts:own             x         x            x       x  x  x      x         x         x     -
  events:read            x         x            x       x  x  x      x         x         -     -
  events:write           x         x            -       -  -  -      -         -         -     -
  receivers:write        x         x            -       -  -  -      -         -         -     -
  members:read           x         x            x       x  x  x      x         x         x     -
  members:write          x         -            -       -  -  -      -         x         -     -
  projects:read          x         x            x       x  x  x      x         x         x     -
  projects:create        x         -            -       -  -  -      -         -         -     -
  integrations:read      x         x            x       x  x  x      x         x         x     -
  integrations:write     x         -            -       -  -  -      -         x         -     -
  stream                 x         x            x       x  x  x      x         x         x     -
  testmo:write           x         -            -       x  -  -      x         x         -     -
  postman:run            x         -            -       x  -  -      x         x         -     -
  documents:read         x         x            x       x  x  x      x         x         x     x
  documents:write        x         -            -       x  x  x      x         x         -     -
  webhooks:write         x         -            -       -  -  -      -         x         -     -
  setup                  x         -            -       -  -  -      -         x         -     -
  support:read           x         -            -       -  -  -      -         -         x     -
  support:write          x         -            -       -  -  -      -         -         x     -
  diagnostics            x         -            -       -  -  -      -         -         x     -
  users:write            x         -            -       -  -  -      -         -         -     -
  audit:read             x         -            -       -  -  -      -         -         -     -
  health:detailed        x         -            -       -  -  -      -         -         -     -
  profile                x         x            x       x  x  x      x         x         x     x`;

describe('permissions', () => {
  const [heading = '', ...rows] = TABLE.trim().split('\n');
  const roles = heading.trim().split(/\s+/);
  const allowed = rows.map((row): [string, string[]] => {
    const [permission = '', ...marks] = row.trim().split(/\s+/);
    return [permission, roles.filter((_, index) => marks[index] === 'x')];
  });

  it('are those of the table, each of just these roles', () => {
    const held = Object.keys(PERMISSIONS).map((permission): [string, string[]] => [
      permission,
      ROLES.filter((role) => (permissionsOf([role]) as string[]).includes(permission)),
    ]);

    expect(roles).toEqual(ROLES);
    expect(Object.fromEntries(held)).toEqual(Object.fromEntries(allowed));
  });

  it('of several roles are those of each of them', () => {
    const both = permissionsOf(['event_manager', 'support']);

    expect(both).toEqual([...new Set([...permissionsOf(['event_manager']), ...permissionsOf(['support'])])].sort());
  });

  it('of nobody, and of a role that is none, are those of an account alone', () => {
    expect([permissionsOf([]), permissionsOf(['root', '__proto__'])]).toEqual([['profile'], ['profile']]);
  });
});

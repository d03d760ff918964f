import { permissionsOf, type Role } from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';

/** Someone with these roles in the project. Ids are made up where they are not given; `projectId: null` is no project. */
export function testCaller(options: {
  userId?: string;
  displayName?: string;
  projectId?: string | null;
  roles: Role[];
}): Caller {
  const { userId = uuidv7(), displayName = 'Test User', projectId = uuidv7(), roles } = options;
  return { userId, displayName, projectId, permissions: permissionsOf(roles), system: false };
}

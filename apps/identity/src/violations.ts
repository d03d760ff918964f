import { AppError } from '@qa-pms/contracts';

/** Throws VALIDATION_ERROR with one violation, in the form of those that a schema finds. */
export function violation(path: string, rule: string, message: string): never {
  throw new AppError('VALIDATION_ERROR', { violations: [{ path, rule, message }] });
}

/** The roles without repetition. Throws VALIDATION_ERROR where none is left. */
export function someRoles(roles: readonly string[]): string[] {
  if (roles.length === 0) violation('roles', 'arrayNotEmpty', 'roles must not be empty: "user" is the smallest role');
  return [...new Set(roles)];
}

import { AppError } from '@qa-pms/contracts';

/** Fewest characters of a password. */
const MIN_CHARACTERS = 12;
/** Most characters: hashing takes longer with every one. */
const MAX_CHARACTERS = 1000;

/** Throws VALIDATION_ERROR for a password that is too short, too long, or the user name. */
export function checkPassword(password: string, username: string): void {
  const { length } = [...password];
  if (length < MIN_CHARACTERS) {
    throw AppError.invalid('password', 'minLength', `password must have at least ${MIN_CHARACTERS} characters`);
  }
  if (length > MAX_CHARACTERS) {
    throw AppError.invalid('password', 'maxLength', `password must have at most ${MAX_CHARACTERS} characters`);
  }
  if (password.toLowerCase() === username.toLowerCase()) {
    throw AppError.invalid('password', 'notUsername', 'password must not be the user name');
  }
}

import { type Algorithm, hashSync, verifySync } from '@node-rs/argon2';

// What a thread of PasswordHasher runs: for nobody else, it keeps its thread for a tenth of a second.

/** 64 MiB in KiB, 3 passes, 1 lane: the second recommended option of RFC 9106, section 4, with one lane. */
export const MEMORY_KIB = 65_536;
export const PASSES = 3;
export const LANES = 1;
/** `Algorithm.Argon2id`: a const enum of another package is not visible to a compiler that works file by file. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- see above: its members cannot be named
const ARGON2ID: Algorithm = 2;

/** The password's hash in PHC form. */
export function hash(password: string): string {
  return hashSync(password, { algorithm: ARGON2ID, memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES });
}

/** Whether the password has this hash. Throws where the hash is damaged. */
export function verify({ passwordHash, password }: { passwordHash: string; password: string }): boolean {
  return verifySync(passwordHash, password);
}

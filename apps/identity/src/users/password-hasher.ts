import { Injectable } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { IdentitySettings } from '../identity.settings.js';

/** 64 MiB in KiB, 3 passes, 1 lane: the second recommended option of RFC 9106, section 4, with one lane. */
const MEMORY_KIB = 65_536;
const PASSES = 3;
const LANES = 1;
/** `Algorithm.Argon2id`: a const enum of another package is not visible to a compiler that works file by file. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- see above: its members cannot be named
const ARGON2ID: Algorithm = 2;

/** Of the same cost as a real one and of no password: it stands in where there is no user to check against. */
export const NOBODYS_HASH = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** argon2id, a few at a time: each takes 64 MiB and a thread. */
@Injectable()
export class PasswordHasher {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly settings: IdentitySettings) {}

  /** The password's hash in PHC form. Errors: OVERLOADED. */
  hash(password: string): Promise<string> {
    const options = { algorithm: ARGON2ID, memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };
    return this.inTurn(() => hash(password, options));
  }

  /** Whether the password has this hash; takes as long where there is none (null). Errors: OVERLOADED. */
  verify(passwordHash: string | null, password: string): Promise<boolean> {
    return this.inTurn(() => verify(passwordHash ?? NOBODYS_HASH, password));
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < this.settings.passwordHashConcurrency) this.running += 1;
    else await this.turn();
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // The next one takes over the place, so that nobody who comes now can slip in between.
      if (next) next();
      else this.running -= 1;
    }
  }

  private turn(): Promise<void> {
    if (this.waiting.length >= this.settings.passwordHashQueue) throw new AppError('OVERLOADED');
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

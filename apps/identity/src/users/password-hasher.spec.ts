import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '@node-rs/argon2';
import { IdentitySettings } from '../identity.settings.js';
import { NOBODYS_HASH, PasswordHasher } from './password-hasher.js';

const hasher = (limits: Partial<IdentitySettings> = {}) =>
  new PasswordHasher(Object.assign(new IdentitySettings(), limits));

describe('the password hasher', () => {
  it('makes argon2id hashes of 64 MiB, three passes and one lane', async () => {
    const passwordHash = await hasher().hash('correct horse battery');

    expect(passwordHash).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
  });

  it('knows the right password from a wrong one', async () => {
    const passwords = hasher();
    const passwordHash = await passwords.hash('correct horse battery');

    const answers = await Promise.all([
      passwords.verify(passwordHash, 'correct horse battery'),
      passwords.verify(passwordHash, 'correct horse battery '),
    ]);

    expect(answers).toEqual([true, false]);
  });

  it('does for a user who does not exist the work that it does for others', async () => {
    const real = parseOptions(await hasher().hash('correct horse battery'));

    expect(parseOptions(NOBODYS_HASH)).toEqual(real);
    await expect(hasher().verify(null, 'correct horse battery')).resolves.toBe(false);
  });

  it('refuses what neither runs nor fits into the queue, and goes on afterwards', async () => {
    const passwords = hasher({ passwordHashConcurrency: 1, passwordHashQueue: 1 });

    const outcomes = await Promise.allSettled(['first', 'second', 'third'].map((one) => passwords.verify(null, one)));
    const later = await passwords.verify(null, 'later');

    expect(outcomes).toEqual([
      { status: 'fulfilled', value: false },
      { status: 'fulfilled', value: false },
      { status: 'rejected', reason: expect.objectContaining({ code: 'OVERLOADED' }) },
    ]);
    expect(later).toBe(false);
  });

  it('gives the place of a failed check to the next', async () => {
    const passwords = hasher({ passwordHashConcurrency: 1, passwordHashQueue: 1 });

    const [damaged, next] = await Promise.allSettled([
      passwords.verify('not a hash', 'correct horse battery'),
      passwords.verify(null, 'correct horse battery'),
    ]);

    expect(damaged.status).toBe('rejected');
    expect(next).toEqual({ status: 'fulfilled', value: false });
  });
});

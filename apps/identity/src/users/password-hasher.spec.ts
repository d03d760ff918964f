import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseOptions } from '@node-rs/argon2';
import { createRootLogger, logFor } from '@qa-pms/platform';
import { leaveOut } from '@qa-pms/testing/jest';
import { IdentitySettings } from '../identity.settings.js';
import { NOBODYS_HASH, PasswordHasher } from './password-hasher.js';

const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'identity');
const hashers: PasswordHasher[] = [];

function hasher(limits: Partial<IdentitySettings> = {}): PasswordHasher {
  const made = new PasswordHasher(Object.assign(new IdentitySettings(), limits), log);
  hashers.push(made);
  return made;
}

afterEach(() => Promise.all(hashers.splice(0).map((each) => each.onApplicationShutdown())));

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

  it('refuses who would wait too long, by how long the last one took', async () => {
    const passwords = hasher({ passwordHashConcurrency: 1, passwordHashWaitMs: 0 });
    await passwords.verify(null, 'measured');

    const outcomes = await Promise.allSettled(['first', 'second'].map((one) => passwords.verify(null, one)));
    const later = await passwords.verify(null, 'later');

    expect(outcomes).toEqual([
      { status: 'fulfilled', value: false },
      { status: 'rejected', reason: expect.objectContaining({ code: 'OVERLOADED' }) },
    ]);
    expect(later).toBe(false);
  });

  it('serves first who came first', async () => {
    const passwords = hasher({ passwordHashConcurrency: 1 });
    const order: number[] = [];

    await Promise.all(
      [0, 1, 2, 3].map(async (index) => {
        await passwords.verify(null, String(index));
        order.push(index);
      }),
    );

    expect(order).toEqual([0, 1, 2, 3]);
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

  const ofThreads = 'leaves the processors to others that want them';
  if (process.platform !== 'linux') leaveOut(ofThreads, 'only Linux has nice values of threads');
  else
    it(ofThreads, async () => {
      const before = niceValues();

      await hasher({ passwordHashConcurrency: 1 }).verify(null, 'correct horse battery');

      expect(niceValues().filter(([thread]) => !before.some(([known]) => known === thread))).toContainEqual([
        expect.any(String),
        ownNice() + 5,
      ]);
      expect(niceValues()).toEqual(expect.arrayContaining(before));
    });
});

/** Nice values of the threads of this process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, field 19. */
function niceValues(): [thread: string, nice: number][] {
  return readdirSync('/proc/self/task').map((thread) => {
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return [thread, Number(fields[16])];
  });
}

function ownNice(): number {
  return niceValues().find(([thread]) => thread === String(process.pid))?.[1] ?? Number.NaN;
}

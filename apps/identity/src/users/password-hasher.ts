import { extname } from 'node:path';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import { Log } from '@qa-pms/platform';
import { Piscina } from 'piscina';
import { IdentitySettings } from '../identity.settings.js';
import { LANES, MEMORY_KIB, PASSES } from './password-worker.js';

/**
 * How far a hash steps back for the requests of everybody else: docs/adr/0011. On Linux each thread has a nice value of its
 * own (https://man7.org/linux/man-pages/man2/setpriority.2.html, BUGS); elsewhere it would be the process's.
 */
const NICE = process.platform === 'linux' ? 5 : 0;
/** A thread that has nothing to do ends then. */
const IDLE_MS = 60_000;

/** Of the same cost as a real one and of no password: it stands in where there is no user to check against. */
export const NOBODYS_HASH = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** argon2id, a few at a time: each takes 64 MiB and a thread, which steps back where processors are short. */
@Injectable()
export class PasswordHasher implements OnApplicationShutdown {
  private readonly threads: Piscina;
  private underWay = 0;
  /** How long the last one took once it had its turn, in milliseconds. */
  private tookMs = 0;

  constructor(
    private readonly settings: IdentitySettings,
    log: Log,
  ) {
    this.threads = new Piscina({
      filename: new URL(`./password-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: 0,
      maxThreads: settings.passwordHashConcurrency,
      idleTimeout: IDLE_MS,
      niceIncrement: NICE,
      // Else who is second when a thread comes free goes behind all others.
      stricterFIFO: true,
      recordTiming: false,
    });
    // One that fails at its start, or without work: without a listener it would end the process.
    this.threads.on('error', (error: unknown) => {
      log.error({ err: error }, 'a thread that hashes passwords has failed');
    });
  }

  /** The password's hash in PHC form. Errors: OVERLOADED. */
  hash(password: string): Promise<string> {
    return this.run('hash', password);
  }

  /** Whether the password has this hash; takes as long where there is none (null). Errors: OVERLOADED. */
  verify(passwordHash: string | null, password: string): Promise<boolean> {
    return this.run('verify', { passwordHash: passwordHash ?? NOBODYS_HASH, password });
  }

  /** Ends the threads, with what they have begun. */
  onApplicationShutdown(): Promise<void> {
    return this.threads.close();
  }

  private async run<T>(name: 'hash' | 'verify', task: unknown): Promise<T> {
    const { passwordHashConcurrency, passwordHashQueue, passwordHashWaitMs } = this.settings;
    const turnsBefore = Math.floor(this.underWay / passwordHashConcurrency);
    const isFull = this.underWay >= passwordHashConcurrency + passwordHashQueue;
    // Where processors are short, a full queue would hold only those whose callers give up before they are served.
    if (isFull || turnsBefore * this.tookMs > passwordHashWaitMs) throw new AppError('OVERLOADED');
    this.underWay += 1;
    const start = performance.now();
    try {
      return (await this.threads.run(task, { name })) as T;
    } finally {
      this.underWay -= 1;
      this.tookMs = (performance.now() - start) / (turnsBefore + 1);
    }
  }
}

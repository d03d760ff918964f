import { AuthSettings, Setting } from '@qa-pms/platform';

/** Settings of identity. */
export class IdentitySettings extends AuthSettings {
  /** Passwords that are hashed or checked at the same time; each takes 64 MiB. */
  @Setting({
    key: 'identity.password_hash_concurrency',
    description: 'Passwords that are hashed or checked at the same time; each takes 64 MiB of memory.',
    example: '4',
    min: 1,
  })
  passwordHashConcurrency = 2;

  /** Passwords that may wait for their turn; more are refused with OVERLOADED. */
  @Setting({
    key: 'identity.password_hash_queue',
    description: 'Passwords that may wait to be hashed or checked; more are refused with 503.',
    example: '200',
  })
  passwordHashQueue = 50;

  /** Milliseconds that a password may be expected to wait for its turn, else it is refused with OVERLOADED. */
  @Setting({
    key: 'identity.password_hash_wait_ms',
    description:
      'Milliseconds that a password may wait to be hashed or checked, by how long the last one took; else it is refused with 503. Less than callers wait.',
    example: '2000',
  })
  passwordHashWaitMs = 5_000;
}

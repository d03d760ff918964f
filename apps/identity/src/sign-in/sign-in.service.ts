import { Injectable } from '@nestjs/common';
import { AppError, type Login, type Session } from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { counter } from '@qa-pms/platform';
import { PasswordHasher } from '../users/password-hasher.js';
import { ProfileService } from '../users/profile.service.js';
import { ACCESS_TOKEN_SECONDS, AccessTokens } from './access-tokens.js';

const CREDENTIALS = statement(
  'identity-credentials',
  `SELECT id, password_hash AS "passwordHash", disabled_at IS NOT NULL AS disabled
   FROM identity.users WHERE lower(username) = lower($1)`,
);

const attempts = counter('auth_attempts_total', 'Tries to sign in.', ['method']);
const failures = counter('auth_failures_total', 'Tries to sign in that were refused.', ['method', 'reason']);

interface Credentials {
  id: string;
  passwordHash: string;
  disabled: boolean;
}

/** Sign-in with user name and password. */
@Injectable()
export class SignInService {
  constructor(
    private readonly db: Database,
    private readonly passwords: PasswordHasher,
    private readonly profiles: ProfileService,
    private readonly tokens: AccessTokens,
  ) {}

  /** Errors: SIGN_IN_FAILED, the same and after the same work whatever was wrong; OVERLOADED. */
  async login({ username, password }: Login): Promise<Session> {
    const [user] = await this.db.read<Credentials>(CREDENTIALS, [username]);
    const right = await this.passwords.verify(user?.passwordHash ?? null, password);
    attempts.inc({ service: 'identity', method: 'password' });
    const reason = !user ? 'unknown_user' : !right ? 'wrong_password' : user.disabled ? 'disabled' : null;
    if (!user || reason !== null) {
      failures.inc({ service: 'identity', method: 'password', reason: reason ?? '' });
      throw new AppError('SIGN_IN_FAILED');
    }
    const me = await this.profiles.profileOf(user.id);
    const accessToken = await this.tokens.issue(me);
    return { accessToken, tokenType: 'Bearer', expiresIn: ACCESS_TOKEN_SECONDS, user: me };
  }
}

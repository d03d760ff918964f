import { Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { v4 as uuidv4 } from 'uuid';
import { IdentitySettings } from '../identity.settings.js';
import { ALGORITHM, SigningKeysService } from './signing-keys.service.js';

/** Seconds that an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

/** Whom access tokens are for: their `aud` claim. */
const AUDIENCE = 'qa-pms';

/** Issues access tokens. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly keys: SigningKeysService,
    private readonly settings: IdentitySettings,
  ) {}

  /** A JWT with the roles of the installation; roles in projects change too often to stand in a token. */
  async issue(user: { id: string; displayName: string; roles: string[] }): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ roles: user.roles, name: user.displayName })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
      .setIssuer(this.settings.issuer)
      .setAudience(AUDIENCE)
      .setSubject(user.id)
      .setJti(uuidv4())
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + ACCESS_TOKEN_SECONDS)
      .sign(privateKey);
  }
}

import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError, GetSigningKeys } from '@qa-pms/contracts';
import { Cache, MessageBus, SYSTEM } from '@qa-pms/platform';
import { createLocalJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { GatewaySettings } from '../gateway.settings.js';

/** By so much clocks may differ. */
const CLOCK_TOLERANCE_S = 5;
const CACHED_TOKENS = 10_000;
/** An unknown key id asks identity for its keys at most this often. */
const KEYS_MIN_AGE_MS = 1_000;

/** What an access token says. */
export interface TokenClaims {
  userId: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/** Verifies access tokens. A token that was verified is known by its hash until it expires. */
@Injectable()
export class Tokens {
  private readonly verified = new Cache<TokenClaims>({ service: 'gateway', name: 'tokens', max: CACHED_TOKENS });
  private readonly hashes = new WeakMap<object, { token: string; name: string }>();
  private keys: { get: JWTVerifyGetKey; json: unknown; fetchedAt: number } | null = null;

  constructor(
    private readonly bus: MessageBus,
    private readonly settings: GatewaySettings,
  ) {}

  /**
   * Throws UNAUTHENTICATED where the token is not ours, or is over. A connection brings the same one again and again:
   * its hash, which costs more than all else here, is kept with the connection.
   */
  async verify(token: string, connection: object): Promise<TokenClaims> {
    const last = this.hashes.get(connection);
    const name = last?.token === token ? last.name : hash('sha256', token, 'base64');
    if (last?.name !== name) this.hashes.set(connection, { token, name });
    const known = this.verified.get(name);
    if (known && known.expiresAt > Date.now()) return known;
    const claims = await this.check(token);
    this.verified.set(name, claims, Math.max(1, claims.expiresAt - Date.now()));
    return claims;
  }

  /** The public keys, for others to verify with. */
  async publicKeys(): Promise<unknown> {
    return (await this.currentKeys(false)).json;
  }

  private async check(token: string): Promise<TokenClaims> {
    for (const fresh of [false, true]) {
      const { get } = await this.currentKeys(fresh);
      try {
        const { payload } = await jwtVerify(token, get, {
          algorithms: ['RS256'],
          issuer: this.settings.issuer,
          audience: 'qa-pms',
          requiredClaims: ['exp', 'nbf', 'iat', 'sub'],
          clockTolerance: CLOCK_TOLERANCE_S,
        });
        // jose asks only that it is a number.
        if ((payload.iat ?? 0) > Date.now() / 1_000 + CLOCK_TOLERANCE_S)
          throw new errors.JWTClaimValidationFailed('issued in the future', payload, 'iat');
        return { userId: payload.sub ?? '', expiresAt: (payload.exp ?? 0) * 1_000 };
      } catch (error) {
        // A key that we do not know yet: identity may have made it a moment ago.
        if (error instanceof errors.JWKSNoMatchingKey && !fresh) continue;
        const reason = error instanceof errors.JWTExpired ? 'The token has expired.' : 'The token is not valid.';
        throw new AppError('UNAUTHENTICATED', { reason });
      }
    }
    throw new AppError('UNAUTHENTICATED', { reason: 'The token is not valid.' });
  }

  private async currentKeys(fresh: boolean): Promise<{ get: JWTVerifyGetKey; json: unknown }> {
    const known = this.keys;
    if (known && (!fresh || Date.now() - known.fetchedAt < KEYS_MIN_AGE_MS)) return known;
    const json = await this.bus.request(GetSigningKeys, {}, { caller: SYSTEM });
    this.keys = { get: createLocalJWKSet(json), json, fetchedAt: Date.now() };
    return this.keys;
  }
}

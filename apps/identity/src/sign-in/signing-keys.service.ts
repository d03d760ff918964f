import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { JsonWebKey, JsonWebKeySet } from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { decryptSecret, encryptSecret, SettingsError, settingName } from '@qa-pms/platform';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, exportPKCS8, generateKeyPair, importPKCS8 } from 'jose';
import { SigningKey } from './signing-key.entity.js';

/** The algorithm of access tokens. */
export const ALGORITHM = 'RS256';

const MODULUS_BITS = 2048;

/** Newest first: the first one signs. */
const KEYS_SQL = `
  SELECT kid, algorithm, public_key AS "publicKey", private_key AS "privateKey", created_at AS "createdAt"
  FROM identity.signing_keys ORDER BY created_at DESC, kid`;

const KEYS = statement('identity-signing-keys', KEYS_SQL);

/** The key that signs now. */
export interface CurrentKey {
  kid: string;
  privateKey: CryptoKey;
}

/** Keys of access tokens: made at first need, the private half encrypted with the master key. */
@Injectable()
export class SigningKeysService implements OnApplicationBootstrap {
  private currentKey: Promise<CurrentKey> | null = null;

  constructor(private readonly db: Database) {}

  /** With a wrong master key nobody could sign in: said at the start, and not to the first who tries. */
  async onApplicationBootstrap(): Promise<void> {
    const [newest] = await this.db.acrossProjects.read<SigningKey>(KEYS, []);
    if (!newest) return;
    try {
      decryptSecret(newest.privateKey, keyPath(newest.kid));
    } catch (error) {
      const reason = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
      const problem = `does not open the keys in the database: ${reason}; set the one that this installation was begun with`;
      throw new SettingsError([{ key: '', place: settingName('encryption.key'), problem }]);
    }
  }

  async publicKeys(): Promise<JsonWebKeySet> {
    const keys = await this.all();
    return { keys: keys.map((key) => key.publicKey) };
  }

  /** The key to sign with; opened once and then kept. */
  current(): Promise<CurrentKey> {
    this.currentKey ??= this.open().catch((error: unknown) => {
      this.currentKey = null;
      throw error;
    });
    return this.currentKey;
  }

  private async open(): Promise<CurrentKey> {
    const [newest] = await this.all();
    if (!newest) throw new Error('No signing key although one was just made.');
    const pem = decryptSecret(newest.privateKey, keyPath(newest.kid));
    return { kid: newest.kid, privateKey: await importPKCS8(pem, ALGORITHM) };
  }

  private async all(): Promise<SigningKey[]> {
    const keys = await this.db.read<SigningKey>(KEYS, []);
    return keys.length > 0 ? keys : this.makeFirst();
  }

  /** Instances that start together end with one key: the lock lets one of them make it. */
  private makeFirst(): Promise<SigningKey[]> {
    return this.db.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtext('identity.signing_keys'))`, []);
      const found = await tx.query<SigningKey>(KEYS_SQL, []);
      if (found.length > 0) return found;
      await tx.typeorm(async (manager) => manager.insert(SigningKey, await generate()));
      return tx.query<SigningKey>(KEYS_SQL, []);
    });
  }
}

async function generate(): Promise<Pick<SigningKey, 'kid' | 'algorithm' | 'publicKey' | 'privateKey'>> {
  const pair = await generateKeyPair(ALGORITHM, { modulusLength: MODULUS_BITS, extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const publicKey = { ...jwk, kid, alg: ALGORITHM, use: 'sig' } as JsonWebKey;
  const privateKey = encryptSecret(await exportPKCS8(pair.privateKey), keyPath(kid));
  return { kid, algorithm: ALGORITHM, publicKey, privateKey };
}

function keyPath(kid: string): string {
  return `identity.signing_keys.${kid}`;
}

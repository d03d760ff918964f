import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/** The installation's keys, all derived from the master key (ENCRYPTION_KEY, 64 hex digits). */
class Keys {
  readonly encryption: Buffer;
  /** A key object: made of bytes for every signature it was a tenth of a request's CPU. */
  readonly signing: KeyObject;
  /** Names the master key without telling it. */
  readonly id: string;

  constructor(masterKey: string) {
    const master = Buffer.from(masterKey, 'hex');
    if (!/^[0-9a-f]{64}$/i.test(masterKey)) {
      throw new Error('ENCRYPTION_KEY must be 64 hex digits: `qa-pms config generate-key` prints one.');
    }
    const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', master, '', `qa-pms ${purpose}`, 32));
    this.encryption = derive('secrets');
    this.signing = createSecretKey(derive('requests'));
    this.id = createHash('sha256').update(derive('key id')).digest('hex').slice(0, 8);
  }
}

let keys: Keys | null = null;

/** Set once by the runner, before any service starts. Throws where it is not a master key. */
export function useMasterKey(masterKey: string): void {
  keys = new Keys(masterKey);
}

function required(): Keys {
  if (!keys) throw new Error('The master key has not been set: the runner calls useMasterKey first.');
  return keys;
}

/** Key for the signatures of requests between services. */
export function signingKey(): KeyObject {
  return required().signing;
}

/**
 * `enc:v1:<key id>:<nonce>:<ciphertext and tag>`, AES-256-GCM.
 * The path (where the secret stands) is authenticated with it: a ciphertext moved elsewhere does not decrypt.
 */
export function encryptSecret(value: string, path: string): string {
  const { encryption, id } = required();
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', encryption, nonce).setAAD(Buffer.from(path));
  const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return ['enc', 'v1', id, nonce.toString('base64url'), sealed.toString('base64url')].join(':');
}

/** Opens what encryptSecret made. Throws where it is damaged, moved, or of another master key. */
export function decryptSecret(value: string, path: string): string {
  const { encryption, id } = required();
  const [enc, version, keyId, nonce, sealed, ...rest] = value.split(':');
  if (enc !== 'enc' || version !== 'v1' || !nonce || !sealed || rest.length > 0) {
    throw new Error(`The secret at ${path} is not of the form enc:v1:….`);
  }
  if (keyId !== id)
    throw new Error(`The secret at ${path} was encrypted with another master key (${String(keyId)}, ours is ${id}).`);
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', encryption, Buffer.from(nonce, 'base64url')).setAAD(
    Buffer.from(path),
  );
  try {
    decipher.setAuthTag(bytes.subarray(-16));
    return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
  } catch (error) {
    throw new Error(`The secret at ${path} is damaged, or was moved there from elsewhere.`, { cause: error });
  }
}

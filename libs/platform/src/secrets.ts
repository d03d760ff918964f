import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/** Keys derived from one master key (64 hex digits). */
class MasterKey {
  readonly encryption: Buffer;
  /** A key object: made of bytes for every signature it was a tenth of a request's CPU. */
  readonly signing: KeyObject;
  /** Names the master key without telling it. */
  readonly id: string;

  constructor(masterKey: string) {
    const derive = (purpose: string) =>
      Buffer.from(hkdfSync('sha256', Buffer.from(masterKey, 'hex'), '', `qa-pms ${purpose}`, 32));
    this.encryption = derive('secrets');
    this.signing = createSecretKey(derive('requests'));
    this.id = createHash('sha256').update(derive('key id')).digest('hex').slice(0, 8);
  }
}

/** Says what is wrong with a master key, as the end of a sentence; null where nothing is. */
export function masterKeyProblem(value: string): string | null {
  return /^[0-9a-f]{64}$/i.test(value) ? null : 'is not 64 hex digits; `qa-pms config generate-key` prints a key';
}

/** The installation's keys: the master key that encrypts and signs, and earlier ones that still open what they sealed. */
export class Keyring {
  private readonly current: MasterKey;
  private readonly all: MasterKey[];

  /** Throws where one is not a master key. */
  constructor(masterKey: string, previousKeys: readonly string[] = []) {
    const wrong = [masterKey, ...previousKeys].map(masterKeyProblem).find((problem) => problem !== null);
    if (wrong !== undefined) throw new Error(`A master key ${wrong}.`);
    this.current = new MasterKey(masterKey);
    this.all = [this.current, ...previousKeys.map((key) => new MasterKey(key))];
  }

  get signing(): KeyObject {
    return this.current.signing;
  }

  /** Names of the keys, which tell nothing of them; the current one first. */
  get ids(): string[] {
    return this.all.map(({ id }) => id);
  }

  /**
   * `enc:v1:<key id>:<nonce>:<ciphertext and tag>`, AES-256-GCM.
   * The path (where the secret stands) is authenticated with it: a ciphertext moved elsewhere does not decrypt.
   */
  encrypt(value: string, path: string): string {
    const { encryption, id } = this.current;
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', encryption, nonce).setAAD(Buffer.from(path));
    const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return ['enc', 'v1', id, nonce.toString('base64url'), sealed.toString('base64url')].join(':');
  }

  /** Opens what encrypt made. Throws where it is damaged, moved, or of a key that is not here. */
  decrypt(value: string, path: string): string {
    const [enc, version, keyId, nonce, sealed, ...rest] = value.split(':');
    if (enc !== 'enc' || version !== 'v1' || !nonce || !sealed || rest.length > 0) {
      throw new Error(`The secret at ${path} is not of the form enc:v1:….`);
    }
    const key = this.all.find(({ id }) => id === keyId);
    if (!key) {
      const known = this.all.map(({ id }) => id).join(', ');
      throw new Error(
        `The secret at ${path} was encrypted with another master key (${String(keyId)}, ours: ${known}).`,
      );
    }
    const bytes = Buffer.from(sealed, 'base64url');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key.encryption, Buffer.from(nonce, 'base64url'), {
        authTagLength: 16,
      }).setAAD(Buffer.from(path));
      decipher.setAuthTag(bytes.subarray(-16));
      return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
    } catch (error) {
      throw new Error(`The secret at ${path} is damaged, or was moved there from elsewhere.`, { cause: error });
    }
  }

  /** Whether the current key sealed a value: then it needs no rotation. */
  isCurrent(value: string): boolean {
    return value.startsWith(`enc:v1:${this.current.id}:`);
  }
}

let keyring: Keyring | null = null;

/** Set once by the runtime, before any service starts. */
export function useKeyring(keys: Keyring): void {
  keyring = keys;
}

function required(): Keyring {
  if (!keyring) throw new Error('There are no keys yet: the runtime calls useKeyring first.');
  return keyring;
}

/** Key for the signatures of requests between services. */
export function signingKey(): KeyObject {
  return required().signing;
}

/** Keyring.encrypt with this process's keys. */
export function encryptSecret(value: string, path: string): string {
  return required().encrypt(value, path);
}

/** Keyring.decrypt with this process's keys. */
export function decryptSecret(value: string, path: string): string {
  return required().decrypt(value, path);
}

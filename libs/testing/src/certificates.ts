import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { isIP } from 'node:net';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** What a certificate is made for. */
export interface CertificateOptions {
  /** Host names and addresses of a server. */
  hosts?: string[];
  /** Name of a client or server (CN); default the first host. */
  name?: string;
  /** When it ends; default in 30 days. */
  validUntil?: Date;
}

/** An authority made for one test. */
export interface TestAuthority {
  /** Its certificate, PEM: what clients are to trust. */
  ca: string;
  /** A certificate that it signs. */
  issue(options: CertificateOptions): Promise<KeyPair>;
}

/** A certificate authority of a test's own. */
export async function makeAuthority(name = 'Test authority'): Promise<TestAuthority> {
  const keys = await newKeys();
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...common(name),
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    ca: ca.toString('pem'),
    issue: async (options) => {
      const own = await newKeys();
      const certificate = await X509CertificateGenerator.create({
        ...wanted(options),
        issuer: ca.subject,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
      });
      return pair(certificate, own);
    },
  };
}

/** A certificate that vouches for itself. */
export async function selfSigned(options: CertificateOptions): Promise<KeyPair> {
  const keys = await newKeys();
  return pair(await X509CertificateGenerator.createSelfSigned({ ...wanted(options), keys }), keys);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function common(name: string, validUntil = new Date(Date.now() + 30 * DAY_MS)) {
  return {
    serialNumber: randomBytes(8).toString('hex'),
    subject: `CN=${name}`,
    name: `CN=${name}`,
    notBefore: new Date(Math.min(Date.now(), validUntil.getTime()) - DAY_MS),
    notAfter: validUntil,
    signingAlgorithm: ALGORITHM,
  };
}

function wanted({ hosts = [], name = hosts[0] ?? 'test', validUntil }: CertificateOptions) {
  const names = hosts.map((host): { type: GeneralNameType; value: string } => ({
    type: isIP(host) === 0 ? 'dns' : 'ip',
    value: host,
  }));
  return { ...common(name, validUntil), extensions: [new SubjectAlternativeNameExtension(names)] };
}

async function pair(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { cert: certificate.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

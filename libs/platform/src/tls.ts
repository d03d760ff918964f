import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { environmentName, type ReportProblem, Setting } from './configuration/setting.js';

/** What the settings of an encrypted connection say. */
export interface Tls {
  tlsMode: string;
  tlsCa: string;
  tlsCertificate: string;
  tlsKey: string;
}

const pemCertificate = (value: string): string | null => {
  try {
    new X509Certificate(value);
    return null;
  } catch {
    return 'is no certificate in PEM form (-----BEGIN CERTIFICATE-----)';
  }
};

const pemKey = (value: string): string | null => {
  try {
    createPrivateKey(value);
    return null;
  } catch {
    return 'is no private key in PEM form without a passphrase';
  }
};

/** A base for settings classes: `<section>.tls.*` of the connection to a server. */
export function TlsSettings(section: string, server: string) {
  class Settings implements Tls {
    /** How much the server must prove, as libpq's sslmode: https://www.postgresql.org/docs/18/libpq-ssl.html */
    @Setting({
      key: `${section}.tls.mode`,
      description:
        `Whether the connection to ${server} is encrypted: \`disable\`: no; \`require\`: to whoever answers; ` +
        "`verify-ca`: to a server whose certificate our CA signed; `verify-full`: and that bears the host's name.",
      example: 'verify-full',
      values: ['disable', 'require', 'verify-ca', 'verify-full'],
    })
    tlsMode = 'disable';

    /** Whom we trust. */
    @Setting({
      key: `${section}.tls.ca`,
      description: `Certificates of the CAs (PEM) that sign ${server}'s certificate; empty: the public ones.`,
      example: '-----BEGIN CERTIFICATE-----…',
      optional: true,
      reloadable: true,
      check: pemCertificate,
    })
    tlsCa = '';

    /** Who we are. */
    @Setting({
      key: `${section}.tls.certificate`,
      description: `Our certificate (PEM, with those between it and the CA) for ${server}, where it asks for one.`,
      example: '-----BEGIN CERTIFICATE-----…',
      optional: true,
      reloadable: true,
      check: pemCertificate,
    })
    tlsCertificate = '';

    /** Proves who we are. */
    @Setting({
      key: `${section}.tls.key`,
      description: 'Private key of that certificate (PEM).',
      example: '-----BEGIN PRIVATE KEY-----…',
      secret: true,
      optional: true,
      reloadable: true,
      check: pemKey,
    })
    tlsKey = '';
  }
  return Settings;
}

/** What of these settings does not go together. */
export function checkTls(section: string, tls: Tls, report: ReportProblem): void {
  const { tlsMode, tlsCa, tlsCertificate, tlsKey } = tls;
  if (tlsMode === 'disable' && (tlsCa !== '' || tlsCertificate !== '' || tlsKey !== '')) {
    report(`${section}.tls.mode`, 'is disable, yet certificates are given: set it to verify-full');
  }
  if (tlsCertificate !== '' && tlsKey === '') report(`${section}.tls.key`, `is needed for ${section}.tls.certificate`);
  if (tlsKey !== '' && tlsCertificate === '') report(`${section}.tls.certificate`, `is needed for ${section}.tls.key`);
  if (tlsCertificate !== '' && tlsKey !== '') {
    const fits = new X509Certificate(tlsCertificate).checkPrivateKey(createPrivateKey(tlsKey));
    if (!fits) report(`${section}.tls.key`, `is not the key of ${section}.tls.certificate`);
  }
}

/** The options of Node's TLS; null where the connection is not encrypted. */
export function tlsOptions({ tlsMode, tlsCa, tlsCertificate, tlsKey }: Tls): ConnectionOptions | null {
  if (tlsMode === 'disable') return null;
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tlsMode !== 'require',
    ...(tlsCa !== '' && { ca: tlsCa }),
    ...(tlsCertificate !== '' && { cert: tlsCertificate, key: tlsKey }),
    // Called once the chain is right: only then names are compared.
    ...(tlsMode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

/** Node's and OpenSSL's words for a chain that ends in no CA that we trust: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED =
  /self[- ]signed certificate|unable to (verify the first|get (local )?issuer) certificate|SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET)/i;

/**
 * What a failed connection says of `<section>.tls.*`, as the rest of a sentence that begins with the server; null where
 * it is another matter.
 */
export function tlsProblem(error: unknown, section: string): string | null {
  const said = textOf(error);
  const setting = (name: string): string => settingName(`${section}.tls.${name}`);
  if (UNTRUSTED.test(said)) {
    return `has a certificate of a CA that is not trusted: give the CA's certificate in ${setting('ca')}`;
  }
  const wrongName = chainOf(error).find(({ code }) => code === 'ERR_TLS_CERT_ALTNAME_INVALID');
  if (wrongName || said.includes("does not match certificate's altnames")) {
    const names = wrongName?.cert?.subjectaltname;
    const detail = names === undefined ? '' : ` (${names})`;
    return `has a certificate for another host${detail}: use its name as the host, or set ${setting('mode')} to verify-ca`;
  }
  if (/certificate has expired|CERT_HAS_EXPIRED/.test(said)) return 'has a certificate that has expired';
  if (/alert (number \d+|unknown ca|bad certificate|certificate \w+|handshake failure)/i.test(said)) {
    return `does not accept our certificate: look at ${setting('certificate')} and ${setting('key')}`;
  }
  if (/server does not support SSL/i.test(said)) {
    return `does not offer TLS: switch it on there, or set ${setting('mode')} to disable`;
  }
  return null;
}

/** A setting as people know it: its key, and its variable. */
export function settingName(key: string): string {
  return `${key} (${environmentName(key)})`;
}

/** Messages and codes of an error and of all that caused it, a line each. */
export function textOf(error: unknown): string {
  return chainOf(error)
    .map(({ code, message }) => `${code ?? ''} ${message ?? ''}`)
    .join('\n');
}

interface ErrorFacts {
  code?: string;
  message?: string;
  cause?: unknown;
  /** Of Node's errors about a certificate. */
  cert?: { subjectaltname?: string };
}

/** Not by `instanceof`: Node's own errors are no Errors of the realm that Jest runs tests in. */
function chainOf(error: unknown): ErrorFacts[] {
  const chain: ErrorFacts[] = [];
  for (let one = error; typeof one === 'object' && one !== null && chain.length < 10; one = (one as ErrorFacts).cause) {
    chain.push(one);
  }
  return chain;
}

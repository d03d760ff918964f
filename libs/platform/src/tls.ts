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
    /** As libpq's sslmode: https://www.postgresql.org/docs/18/libpq-ssl.html */
    @Setting({
      key: `${section}.tls.mode`,
      description:
        `Whether the connection to ${server} is encrypted: \`disable\`: no; \`require\`: to whoever answers; ` +
        "`verify-ca`: to a server whose certificate our CA signed; `verify-full`: and that bears the host's name.",
      example: 'verify-full',
      values: ['disable', 'require', 'verify-ca', 'verify-full'],
    })
    tlsMode = 'disable';

    @Setting({
      key: `${section}.tls.ca`,
      description: `Certificates of the CAs (PEM) that sign ${server}'s certificate; empty: the public ones.`,
      example: '-----BEGIN CERTIFICATE-----…',
      optional: true,
      reloadable: true,
      check: pemCertificate,
    })
    tlsCa = '';

    @Setting({
      key: `${section}.tls.certificate`,
      description: `Our certificate (PEM, with those between it and the CA) for ${server}, where it asks for one.`,
      example: '-----BEGIN CERTIFICATE-----…',
      optional: true,
      reloadable: true,
      check: pemCertificate,
    })
    tlsCertificate = '';

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

/** What a failed connection says of its settings, as one sentence; null where it is another matter. */
export function tlsProblem(error: unknown, section: string, server: string): string | null {
  const said = textOf(error);
  const key = (name: string): string => `${section}.tls.${name} (${environmentName(`${section}.tls.${name}`)})`;
  if (UNTRUSTED.test(said)) {
    return `The certificate of ${server} is signed by a CA that is not trusted: give its certificate in ${key('ca')}.`;
  }
  if (/ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/.test(said)) {
    const names = /altnames: .*?(?=\.? ?$|\n)/.exec(said)?.[0].slice('altnames: '.length) ?? '';
    return (
      `The certificate of ${server} is for another host${names && ` (${names})`}: ` +
      `use its name as the host, or set ${key('mode')} to verify-ca.`
    );
  }
  if (/certificate has expired|CERT_HAS_EXPIRED/.test(said)) return `The certificate of ${server} has expired.`;
  if (/alert (unknown ca|bad certificate|certificate (required|unknown|expired)|handshake failure)/i.test(said)) {
    return `${server} does not accept our certificate: look at ${key('certificate')} and ${key('key')}.`;
  }
  if (/server does not support SSL/i.test(said)) {
    return `${server} does not offer TLS: switch it on there, or set ${key('mode')} to disable.`;
  }
  return null;
}

/** Messages and codes of an error and all that caused it. */
function textOf(error: unknown): string {
  const parts: string[] = [];
  for (let one: unknown = error; one instanceof Error && parts.length < 10; one = one.cause ?? originalOf(one)) {
    parts.push(`${String((one as { code?: unknown }).code ?? '')} ${one.message}`);
  }
  return parts.join('\n');
}

/** kafkajs keeps what a retry failed with under this name in some versions of it. */
function originalOf(error: Error): unknown {
  return (error as { originalError?: unknown }).originalError;
}

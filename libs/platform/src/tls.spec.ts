import { beforeAll, describe, expect, it } from '@jest/globals';
import { type KeyPair, makeAuthority } from '@qa-pms/testing/certificates';
import { Configuration } from './configuration/configuration.js';
import { SettingsError } from './configuration/settings-error.js';
import { KafkaSettings } from './kafka/kafka.settings.js';

describe('the settings of an encrypted connection', () => {
  let ca: string;
  let ours: KeyPair;
  let another: KeyPair;

  beforeAll(async () => {
    const authority = await makeAuthority('CA');
    ca = authority.ca;
    [ours, another] = [await authority.issue({ name: 'ours' }), await authority.issue({ name: 'another' })];
  });

  function problemsOf(environment: Record<string, string>): string[] {
    try {
      Configuration.fromEnvironment(environment).read(KafkaSettings);
      return [];
    } catch (error) {
      if (error instanceof SettingsError) return error.problems.map(({ key, problem }) => `${key} ${problem}`);
      throw error;
    }
  }

  it('may be a CA, a certificate and its key', () => {
    const environment = { KAFKA_TLS_CA: ca, KAFKA_TLS_CERTIFICATE: ours.cert, KAFKA_TLS_KEY: ours.key };

    expect(problemsOf({ ...environment, KAFKA_TLS_MODE: 'verify-full' })).toEqual([]);
  });

  it.each<[string, () => Record<string, string>, string]>([
    ['certificates without TLS', () => ({ KAFKA_TLS_CA: ca }), 'kafka.tls.mode is disable, yet certificates are given'],
    [
      'a certificate without its key',
      () => ({ KAFKA_TLS_MODE: 'require', KAFKA_TLS_CERTIFICATE: ours.cert }),
      'kafka.tls.key is needed for kafka.tls.certificate',
    ],
    [
      'a key without its certificate',
      () => ({ KAFKA_TLS_MODE: 'require', KAFKA_TLS_KEY: ours.key }),
      'kafka.tls.certificate is needed for kafka.tls.key',
    ],
    [
      'the key of another certificate',
      () => ({ KAFKA_TLS_MODE: 'require', KAFKA_TLS_CERTIFICATE: ours.cert, KAFKA_TLS_KEY: another.key }),
      'kafka.tls.key is not the key of kafka.tls.certificate',
    ],
    [
      'a key where the certificate belongs',
      () => ({ KAFKA_TLS_MODE: 'require', KAFKA_TLS_CA: ours.key }),
      'kafka.tls.ca has a value that is no certificate in PEM form',
    ],
    [
      'a password without a name',
      () => ({ KAFKA_SASL_MECHANISM: 'scram-sha-256', KAFKA_SASL_PASSWORD: 'p' }),
      'kafka.sasl.username is needed for scram-sha-256',
    ],
    [
      'a password in clear over the wire',
      () => ({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }),
      'kafka.sasl.mechanism plain would send the password in clear',
    ],
    [
      'more in-sync replicas than there are',
      () => ({ KAFKA_MIN_IN_SYNC: '2' }),
      'kafka.min_in_sync is above kafka.replication (1)',
    ],
  ])('refuse %s', (_what, environment, problem) => {
    expect(problemsOf(environment())).toEqual([expect.stringContaining(problem)]);
  });
});

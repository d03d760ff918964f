import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Configuration, createRootLogger, kafkaClientOptions, KafkaSettings, topicDefinitions } from '@qa-pms/platform';
import { createTopics, type SecureTestKafka, startSecureKafka } from '@qa-pms/testing';
import { makeAuthority, type TestAuthority } from '@qa-pms/testing/certificates';
import { describeWithJava } from '@qa-pms/testing/jest';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaWire } from '../src/kafka/kafka-wire.js';
import type { Envelope } from '../src/messaging/envelope.js';

const PREFIX = `security${randomBytes(4).toString('hex')}.`;
const logger = createRootLogger({ level: 'silent', format: 'json' });

await describeWithJava('Kafka with TLS and sign-in', () => {
  let kafka: SecureTestKafka;
  let authority: TestAuthority;
  let other: TestAuthority;
  let ours: { cert: string; key: string };
  let foreign: { cert: string; key: string };
  let wire: KafkaWire | null = null;

  beforeAll(async () => {
    authority = await makeAuthority('broker CA');
    other = await makeAuthority('another CA');
    ours = await authority.issue({ name: 'qa-pms' });
    foreign = await other.issue({ name: 'qa-pms' });
    kafka = await startSecureKafka(authority);
    const settings = { topicPrefix: PREFIX, replication: 1, minInSync: 1 };
    await createTopics(kafka.brokers, topicDefinitions(settings, ['workflow'], []));
  }, 120_000);
  afterEach(async () => {
    await wire?.close();
    wire = null;
  });
  afterAll(() => kafka.stop());

  function settings(brokers: string, more: Record<string, string>): KafkaSettings {
    return Configuration.fromEnvironment({
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: PREFIX,
      KAFKA_SESSION_TIMEOUT_MS: '2000',
      KAFKA_TLS_MODE: 'verify-full',
      KAFKA_TLS_CA: authority.ca,
      ...more,
    }).read(KafkaSettings);
  }

  const signIn = (mechanism: string, more: Record<string, string> = {}): Record<string, string> => ({
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: kafka.sasl.username,
    KAFKA_SASL_PASSWORD: kafka.sasl.password,
    ...more,
  });
  const certificate = (pair: { cert: string; key: string }): Record<string, string> => ({
    KAFKA_TLS_CERTIFICATE: pair.cert,
    KAFKA_TLS_KEY: pair.key,
  });

  /** Asks a service, which runs here too, and gives its answer. */
  async function ask(own: KafkaSettings): Promise<string> {
    wire = new KafkaWire({ settings: own, instanceId: `security-${randomBytes(4).toString('hex')}`, logger });
    return askOver(wire);
  }

  async function askOver(wire: KafkaWire): Promise<string> {
    const serving = await wire.serve({
      service: 'workflow',
      requestTopics: ['commands'],
      eventSources: [],
      request: () => Promise.resolve({ ok: true, body: '"answered"' }),
      event: () => Promise.resolve(),
    });
    const envelope: Envelope = { key: 'k', headers: { deadline: String(Date.now() + 10_000) }, body: '{}' };
    const reply = await wire.request('workflow', 'command', envelope);
    await serving.drain();
    return reply.body;
  }

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])(
    'works with %s',
    async (mechanism) => {
      expect(await ask(settings(kafka.sasl.brokers, signIn(mechanism)))).toBe('"answered"');
    },
    30_000,
  );

  it('works with a client certificate', async () => {
    expect(await ask(settings(kafka.mutual.brokers, certificate(ours)))).toBe('"answered"');
  }, 30_000);

  it('connects with the certificate that a reload has read', async () => {
    const own = settings(kafka.mutual.brokers, certificate(foreign));
    wire = new KafkaWire({ settings: own, instanceId: `security-${randomBytes(4).toString('hex')}`, logger });
    await expect(askOver(wire)).rejects.toThrow('does not accept our certificate');

    Object.assign(own, { tlsCertificate: ours.cert, tlsKey: ours.key });
    wire.renewTls();
    // Tries that were on their way with the old certificate still fail.
    let answer: string | null = null;
    for (let tries = 0; answer === null && tries < 10; tries += 1) {
      answer = await askOver(wire).catch(() => sleep(500, null));
    }

    expect(answer).toBe('"answered"');
  }, 30_000);

  it('works for the command line, which lists topics', async () => {
    const options = kafkaClientOptions(settings(kafka.sasl.brokers, signIn('scram-sha-512')));
    const admin = new Kafka({ ...options, logLevel: logLevel.NOTHING }).admin();

    await admin.connect();
    const topics = await admin.listTopics();
    await admin.disconnect();

    expect(topics).toContain(`${PREFIX}qa.replies`);
  });

  const LOOK = 'look at kafka.sasl.username (KAFKA_SASL_USERNAME) and kafka.sasl.password (KAFKA_SASL_PASSWORD).';
  const CERTIFICATE = 'look at kafka.tls.certificate (KAFKA_TLS_CERTIFICATE) and kafka.tls.key (KAFKA_TLS_KEY).';

  it.each([
    [
      'a wrong password, plain',
      () => settings(kafka.sasl.brokers, signIn('plain', { KAFKA_SASL_PASSWORD: 'wrong' })),
      `refuses our name or password: ${LOOK}`,
    ],
    [
      'a wrong password, SCRAM-SHA-256',
      () => settings(kafka.sasl.brokers, signIn('scram-sha-256', { KAFKA_SASL_PASSWORD: 'wrong' })),
      `refuses our name or password: ${LOOK}`,
    ],
    [
      'an unknown user, SCRAM-SHA-512',
      () => settings(kafka.sasl.brokers, signIn('scram-sha-512', { KAFKA_SASL_USERNAME: 'nobody' })),
      `refuses our name or password: ${LOOK}`,
    ],
    [
      'a CA that we do not know',
      () => settings(kafka.sasl.brokers, signIn('plain', { KAFKA_TLS_CA: other.ca })),
      "has a certificate of a CA that is not trusted: give the CA's certificate in kafka.tls.ca (KAFKA_TLS_CA).",
    ],
    [
      'a certificate for another host',
      () => settings(kafka.sasl.wrongHost, signIn('plain')),
      'set kafka.tls.mode (KAFKA_TLS_MODE) to verify-ca.',
    ],
    [
      'no client certificate',
      () => settings(kafka.mutual.brokers, {}),
      `does not accept our certificate: ${CERTIFICATE}`,
    ],
    [
      'a client certificate of another CA',
      () => settings(kafka.mutual.brokers, certificate(foreign)),
      `does not accept our certificate: ${CERTIFICATE}`,
    ],
  ])(
    'names the setting in one sentence: %s',
    async (_what, make, end) => {
      const refusal = await ask(make()).catch((error: unknown) => error as Error);

      expect(refusal).toMatchObject({ name: 'SettingsError', problems: [expect.anything()] });
      const [, sentence = ''] = (refusal as Error).message.split('\n  - ');
      expect(sentence).toMatch(/^Kafka at [\w.]+:\d+: /);
      expect(sentence.slice(-end.length)).toBe(end);
    },
    30_000,
  );
});

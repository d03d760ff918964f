import type { TestAuthority } from './certificates.js';
import { startKafkaFromJars } from './kafka-java.js';
import type { TestKafka } from './kafka.js';

/** A broker that asks who its clients are. Its certificate is for `localhost`. */
export interface SecureTestKafka extends TestKafka {
  /** TLS with SASL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. Called by another name than that of the certificate. */
  sasl: { brokers: string; wrongHost: string; username: string; password: string };
  /** TLS with a client certificate of the authority. */
  mutual: { brokers: string };
}

const LOGIN = 'org.apache.kafka.common.security';

/** Starts a broker with TLS from Kafka's jars: https://kafka.apache.org/42/security/ */
export async function startSecureKafka(authority: TestAuthority): Promise<SecureTestKafka> {
  const { cert, key } = await authority.issue({ hosts: ['localhost'] });
  const username = 'tester';
  const password = 'a-long-password';
  const kafka = await startKafkaFromJars({
    listeners: ['SASL', 'MUTUAL'],
    files: { 'server.pem': `${key}\n${cert}\n`, 'ca.pem': `${authority.ca}\n` },
    settings: {
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': '$folder/server.pem',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': '$folder/ca.pem',
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.sasl.plain.sasl.jaas.config': `${LOGIN}.plain.PlainLoginModule required user_${username}="${password}";`,
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
    },
    format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]),
  });
  const { SASL: sasl, MUTUAL: mutual } = kafka.ports;
  return {
    ...kafka,
    sasl: { brokers: `localhost:${sasl!}`, wrongHost: `127.0.0.1:${sasl!}`, username, password },
    mutual: { brokers: `localhost:${mutual!}` },
  };
}

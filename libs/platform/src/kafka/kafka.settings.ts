import { type CheckedSettings, type ReportProblem, Setting } from '../configuration/setting.js';
import { checkTls, TlsSettings } from '../tls.js';

/** Settings of the way to Kafka. */
export class KafkaSettings extends TlsSettings('kafka', 'Kafka') implements CheckedSettings {
  /** Kafka brokers; empty: messages stay in the process. */
  @Setting({
    key: 'kafka.brokers',
    description: 'Kafka brokers; none: messages stay in the process.',
    example: 'kafka-1:9092,kafka-2:9092',
    check: brokerProblem,
  })
  brokers: string[] = [];

  /** How we sign in. */
  @Setting({
    key: 'kafka.sasl.mechanism',
    description: 'How we sign in to Kafka; `none` also where a client certificate says who we are.',
    example: 'scram-sha-512',
    values: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
  })
  saslMechanism = 'none';

  /** Name to sign in with. */
  @Setting({
    key: 'kafka.sasl.username',
    description: 'Name to sign in to Kafka with.',
    example: 'qa-pms',
    optional: true,
  })
  saslUsername = '';

  /** Password to sign in with. */
  @Setting({
    key: 'kafka.sasl.password',
    description: 'Password to sign in to Kafka with.',
    example: 'a long password',
    secret: true,
    optional: true,
  })
  saslPassword = '';

  /** Milliseconds after which Kafka gives the partitions of a silent member to others. */
  @Setting({
    key: 'kafka.session_timeout_ms',
    description:
      'Milliseconds after which a silent member loses its partitions; brokers demand 6000 unless lowered there.',
    example: '2000',
    min: 500,
  })
  sessionTimeoutMs = 6000;

  /** Put before every topic's name. */
  @Setting({
    key: 'kafka.topic_prefix',
    description: "Put before every topic's name.",
    example: 'staging.',
    optional: true,
    // The characters of a topic's name: https://github.com/apache/kafka/blob/4.2/clients/src/main/java/org/apache/kafka/common/internals/Topic.java
    check: (prefix) => (/^[\w.-]{1,150}$/.test(prefix) ? null : 'has other characters than letters, digits, . _ and -'),
  })
  topicPrefix = '';

  /** Replicas of topics made by `qa-pms topics create`. */
  @Setting({
    key: 'kafka.replication',
    description: 'Replicas of topics made by `qa-pms topics create`.',
    example: '3',
    min: 1,
  })
  replication = 1;

  /** In-sync replicas that acks=all waits for. */
  @Setting({ key: 'kafka.min_in_sync', description: 'In-sync replicas that acks=all waits for.', example: '2', min: 1 })
  minInSync = 1;

  check(report: ReportProblem): void {
    checkTls('kafka', this, report);
    if (this.saslMechanism !== 'none') {
      if (this.saslUsername === '') report('kafka.sasl.username', `is needed for ${this.saslMechanism}`);
      if (this.saslPassword === '') report('kafka.sasl.password', `is needed for ${this.saslMechanism}`);
      if (this.saslMechanism === 'plain' && this.tlsMode === 'disable') {
        const problem = 'plain would send the password in clear: set kafka.tls.mode as well';
        report('kafka.sasl.mechanism', problem, 'kafka.tls.mode');
      }
    }
    if (this.minInSync > this.replication) {
      const problem = `is above kafka.replication (${String(this.replication)}): nothing could be written`;
      report('kafka.min_in_sync', problem, 'kafka.replication');
    }
  }
}

/** kafkajs cuts a broker at its first colon, so IPv6 has no place there. */
function brokerProblem(broker: string): string | null {
  const port = Number(/^[^\s:/@]+:(\d{1,5})$/.exec(broker)?.[1]);
  return port >= 1 && port <= 65_535 ? null : 'is no host with its port; one with an IPv6 address needs a name';
}

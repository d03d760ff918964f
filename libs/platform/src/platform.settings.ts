import { Setting } from './config.js';

/** Settings that every process has. */
export class PlatformSettings {
  /** Address that HTTP listens on. */
  @Setting({ key: 'host', description: 'Address that HTTP listens on.', example: '0.0.0.0' })
  host = '127.0.0.1';

  /** Port that HTTP listens on; 0 takes a free one. */
  @Setting({ key: 'port', description: 'Port that HTTP listens on; 0 takes a free one.', example: '3000' })
  port = 3000;

  /** Least important level that is logged. */
  @Setting({
    key: 'log.level',
    description: 'Least important level that is logged.',
    example: 'debug',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  })
  logLevel = 'info';

  /** How log lines look. */
  @Setting({ key: 'log.format', description: 'How log lines look.', example: 'pretty', values: ['json', 'pretty'] })
  logFormat = 'json';

  /** Kafka brokers; empty: messages stay in the process. */
  @Setting({
    key: 'kafka.brokers',
    description: 'Kafka brokers, comma-separated; empty: messages stay in the process.',
    example: 'kafka-1:9092,kafka-2:9092',
    optional: true,
  })
  kafkaBrokers = '';

  /** Milliseconds after which Kafka gives the partitions of a silent member to others. */
  @Setting({
    key: 'kafka.session_timeout_ms',
    description:
      'Milliseconds after which a silent member loses its partitions; brokers demand 6000 unless lowered there.',
    example: '2000',
    min: 500,
  })
  kafkaSessionTimeoutMs = 6000;

  /** Put before every topic's name. */
  @Setting({
    key: 'kafka.topic_prefix',
    description: "Put before every topic's name.",
    example: 'staging.',
    optional: true,
  })
  kafkaTopicPrefix = '';

  /** Replicas of topics made by `qa-pms topics create`. */
  @Setting({
    key: 'kafka.replication',
    description: 'Replicas of topics made by `qa-pms topics create`.',
    example: '3',
    min: 1,
  })
  kafkaReplication = 1;

  /** In-sync replicas that acks=all waits for. */
  @Setting({ key: 'kafka.min_in_sync', description: 'In-sync replicas that acks=all waits for.', example: '2', min: 1 })
  kafkaMinInSync = 1;

  /** Unique and lasting name of this instance. */
  @Setting({
    key: 'instance.id',
    description:
      'Unique and lasting name of this instance (a StatefulSet pod name); a restart under the same name takes over at once. Empty: made up.',
    example: 'workflow-0',
    optional: true,
  })
  instanceId = '';

  /** Master key: 64 hex digits. */
  @Setting({
    key: 'encryption.key',
    description: 'Master key, 64 hex digits, the same for all services; `qa-pms config generate-key` prints one.',
    example: '<64 hex digits>',
    secret: true,
  })
  encryptionKey = '';

  /** Milliseconds that a request between services may take. */
  @Setting({
    key: 'request.timeout_ms',
    description: 'Milliseconds that a request between services may take.',
    example: '10000',
    min: 100,
  })
  requestTimeoutMs = 10_000;

  /** Requests in flight from one process before more are refused. */
  @Setting({
    key: 'request.max_in_flight',
    description: 'Requests in flight from one process before more are refused.',
    example: '2000',
    min: 1,
  })
  requestMaxInFlight = 2_000;

  /** Milliseconds between readiness failing and the port closing. */
  @Setting({
    key: 'shutdown.grace_ms',
    description: 'Milliseconds that requests are still served after readiness fails, for load balancers to notice.',
    example: '5000',
  })
  shutdownGraceMs = 0;

  /** Milliseconds after which a stop is forced. */
  @Setting({
    key: 'shutdown.timeout_ms',
    description: 'Milliseconds after which a stop is forced.',
    example: '30000',
    min: 1000,
  })
  shutdownTimeoutMs = 30_000;
}

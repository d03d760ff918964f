import type { ServiceName } from '@qa-pms/contracts';
import type { KafkaSettings } from './kafka.settings.js';

/** Partitions of request and event topics: instances of one service that can share its work. */
const PARTITIONS = 12;
/** Partitions of the topic of replies: each instance reads one. */
export const REPLY_PARTITIONS = 24;
/**
 * Bytes that a record or a batch of a partition may have; a broker's own default is 1 MiB. No more is the default of
 * shared clusters: https://docs.redpanda.com/redpanda-cloud/develop/topics/create-topic/
 */
export const RECORD_BYTES = 8 * 1024 * 1024;
const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

export type TopicKind = 'queries' | 'commands' | 'events';

/** `qa.<service>.<kind>`, with the installation's prefix. */
export function topicName(prefix: string, service: ServiceName, kind: TopicKind): string {
  return `${prefix}qa.${service}.${kind}`;
}

/** Topic of all replies. */
export function repliesTopic(prefix: string): string {
  return `${prefix}qa.replies`;
}

/** Whether a request can be answered there. A fraction would fail all that is sent with it: kafkajs rounds it. */
export function isReplyPartition(partition: number): boolean {
  return Number.isInteger(partition) && partition >= 0 && partition < REPLY_PARTITIONS;
}

/** Where a consumer's dead letters are told of: `<topic>.<consumer>.dead`. */
export function deadLetterTopic(topic: string, consumer: string): string {
  return `${topic}.${consumer}.dead`;
}

export interface TopicDefinition {
  topic: string;
  numPartitions: number;
  replicationFactor: number;
  configEntries: { name: string; value: string }[];
}

/** Every topic that the services need, for `qa-pms topics create`; consumers name whose events they handle. */
export function topicDefinitions(
  settings: Pick<KafkaSettings, 'topicPrefix' | 'replication' | 'minInSync'>,
  services: ServiceName[],
  consumers: { consumer: ServiceName; sources: ServiceName[] }[],
): TopicDefinition[] {
  const { topicPrefix: prefix, replication, minInSync } = settings;
  const define = (topic: string, numPartitions: number, retentionMs: number): TopicDefinition => ({
    topic,
    numPartitions,
    replicationFactor: replication,
    configEntries: [
      { name: 'retention.ms', value: String(retentionMs) },
      // A segment is only dropped whole: short-lived topics need short segments.
      { name: 'segment.ms', value: String(Math.max(MINUTE_MS, Math.floor(retentionMs / 7))) },
      { name: 'min.insync.replicas', value: String(minInSync) },
      { name: 'max.message.bytes', value: String(RECORD_BYTES) },
    ],
  });
  return [
    ...services.flatMap((service) => [
      define(topicName(prefix, service, 'queries'), PARTITIONS, MINUTE_MS),
      define(topicName(prefix, service, 'commands'), PARTITIONS, WEEK_MS),
      define(topicName(prefix, service, 'events'), PARTITIONS, WEEK_MS),
    ]),
    ...consumers.flatMap(({ consumer, sources }) =>
      sources.map((source) => define(deadLetterTopic(topicName(prefix, source, 'events'), consumer), 1, WEEK_MS)),
    ),
    define(repliesTopic(prefix), REPLY_PARTITIONS, MINUTE_MS),
  ];
}

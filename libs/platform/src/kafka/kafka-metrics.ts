import { counter, gauge } from '../telemetry/metrics.js';

// The wire belongs to the process, whatever services use it: their label is `kafka`.

/** Messages that the broker has taken; requests or replies that are sent together are one record. */
export const kafkaSent = counter(
  'kafka_messages_sent_total',
  'Requests, replies and events that the broker has taken.',
);
/** Messages that could not be sent. */
export const kafkaFailed = counter(
  'kafka_messages_failed_total',
  'Requests, replies and events that could not be sent.',
);
/** How far a consumer is behind. */
export const kafkaLag = gauge(
  'kafka_consumer_lag',
  'Records behind the end of a partition, when it was last fetched.',
  ['topic', 'partition', 'consumer'],
);

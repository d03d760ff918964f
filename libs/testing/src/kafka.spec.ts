import { expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { describeWithKafka } from './describe-with.js';
import { createTopics } from './kafka-topics.js';

describeWithKafka('a Kafka for tests', (kafka) => {
  const admin = () => {
    const { brokers } = kafka();
    return new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  };

  it('keeps its topics over a crash', async () => {
    await createTopics(kafka().brokers, [{ topic: 'kept', numPartitions: 3 }]);

    await kafka().kill();
    await kafka().restart();

    const after = admin();
    await after.connect();
    expect(await after.listTopics()).toContain('kept');
    await after.disconnect();
  }, 60_000);

  it('makes no topic by accident', async () => {
    const client = admin();
    await client.connect();

    await client.fetchTopicMetadata({ topics: ['mistyped'] }).catch(() => undefined);

    expect(await client.listTopics()).not.toContain('mistyped');
    await client.disconnect();
  });
});

import { createRequire } from 'node:module';
import { expect, it } from '@jest/globals';

// What `patches/` changes inside kafkajs: whoever moves to another version sees here whether it is still needed.

interface Produce {
  topicData: { topic: string; partitions: { partition: number; messages: { value: string }[] }[] }[];
}
type Send = (batch: object) => Promise<unknown>;

const require = createRequire(import.meta.url);
const sender = require('kafkajs/src/producer/sendMessages') as (parts: object) => Send;
const retrier = require('kafkajs/src/retry') as (options: object) => unknown;

const nothing = (): null => null;

it('sends what a broker has refused to its new leader, though that one has answered before', async () => {
  const taken: string[] = [];
  let leaders = [1, 2];
  const broker = (nodeId: number) => ({
    nodeId,
    produce: ({ topicData }: Produce) => {
      const partitions = topicData.flatMap((topic) => topic.partitions);
      if (partitions.some(({ partition }) => leaders[partition] !== nodeId || nodeId === 1))
        return Promise.reject(
          Object.assign(new Error('moved'), { type: 'NOT_LEADER_FOR_PARTITION', name: 'KafkaJSProtocolError' }),
        );
      taken.push(...partitions.flatMap(({ messages }) => messages.map(({ value }) => value)));
      return Promise.resolve({ topics: [] });
    },
  });
  const brokers = new Map([1, 2].map((nodeId) => [nodeId, broker(nodeId)]));
  const send = sender({
    logger: { error: nothing, debug: nothing },
    cluster: {
      addMultipleTargetTopics: () => Promise.resolve(),
      refreshMetadataIfNecessary: () => Promise.resolve(),
      refreshMetadata: () => {
        leaders = [2, 2];
        return Promise.resolve();
      },
      isConnected: () => true,
      findTopicPartitionMetadata: () => [{ partitionId: 0 }, { partitionId: 1 }],
      findLeaderForPartitions: (_topic: string, partitions: string[]) =>
        Object.groupBy(partitions.map(Number), (partition) => leaders[partition] ?? 0),
      findBroker: ({ nodeId }: { nodeId: string }) => Promise.resolve(brokers.get(Number(nodeId))),
    },
    partitioner: ({ message }: { message: { partition: number } }) => message.partition,
    eosManager: {
      acquireBrokerLock: nothing,
      releaseBrokerLock: nothing,
      isTransactional: () => false,
      getSequence: nothing,
      updateSequence: nothing,
      getProducerId: nothing,
      getProducerEpoch: nothing,
    },
    retrier: retrier({ retries: 2, initialRetryTime: 1 }),
  });

  await send({
    acks: -1,
    topicMessages: [
      {
        topic: 'events',
        messages: [
          { partition: 0, value: 'moved' },
          { partition: 1, value: 'stayed' },
        ],
      },
    ],
  });

  expect(new Set(taken)).toEqual(new Set(['moved', 'stayed']));
});

import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';

// What `patches/` changes inside kafkajs: whoever moves to another version sees here whether it is still needed.

interface Produce {
  topicData: { topic: string; partitions: { partition: number; messages: { value: string }[] }[] }[];
}
interface Member {
  memberId: string;
  coordinator: object;
  offsetManager: object;
  subscriptionState: { assign: (topics: { topic: string; partitions: number[] }[]) => void };
  heartbeat: (options: { interval: number }) => Promise<void>;
  fetch: (nodeId: string) => Promise<unknown[]>;
}
type Send = (batch: object) => Promise<unknown>;

const require = createRequire(import.meta.url);
const sender = require('kafkajs/src/producer/sendMessages') as (parts: object) => Send;
const retrier = require('kafkajs/src/retry') as (options: object) => unknown;

const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => Member;

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

  expect(taken).toEqual(['stayed', 'moved']);
});

describe('a member of a group', () => {
  const refused = Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError' });
  const heartbeats: string[] = [];
  const coordinator = (name: string, answer: () => Promise<unknown>) => ({
    heartbeat: () => {
      heartbeats.push(name);
      return answer();
    },
  });

  /** A member that has joined; its partition of each number is led by the broker at that place. */
  const member = (leaders: number[], findBroker = (): Promise<unknown> => Promise.reject(refused)): Member => {
    const group = new ConsumerGroup({
      logger: { namespace: () => ({ debug: nothing, error: nothing }) },
      instrumentationEmitter: { emit: nothing },
      groupId: 'group',
      maxWaitTimeInMs: 1,
      cluster: {
        isConnected: () => true,
        refreshMetadataIfNecessary: () => Promise.resolve(),
        findTopicPartitionMetadata: () => leaders.map((leader, partitionId) => ({ partitionId, leader })),
        findBroker,
        findGroupCoordinator: () => Promise.resolve(coordinator('successor', () => Promise.resolve())),
      },
    });
    group.memberId = 'member';
    group.coordinator = coordinator('gone', () => Promise.reject(refused));
    const offsets = Object.fromEntries(leaders.map((_leader, partition) => [partition, '0']));
    group.offsetManager = {
      resolveOffsets: () => Promise.resolve(),
      committedOffsets: () => ({ events: offsets }),
      nextOffset: () => '0',
    };
    group.subscriptionState.assign([{ topic: 'events', partitions: leaders.map((_leader, partition) => partition) }]);
    return group;
  };

  it('goes to the new coordinator when the old one is gone', async () => {
    const group = member([1]);

    await group.heartbeat({ interval: 0 });
    await setImmediate();
    await group.heartbeat({ interval: 0 });

    expect(heartbeats).toEqual(['gone', 'successor']);
    // Offsets go to it as well.
    expect(group.offsetManager).toMatchObject({ coordinator: group.coordinator });
  });

  it('goes without a broker that is gone while others lead partitions of its own', async () => {
    expect(await member([1, 2]).fetch('1')).toEqual([]);
  });

  it('makes batches of partitions that have records', async () => {
    const partition = (number: number, messages: object[]) => ({ partition: number, messages, highWatermark: '1' });
    const partitions = [partition(0, []), partition(1, [{ offset: '0' }])];
    const broker = { fetch: () => Promise.resolve({ responses: [{ topicName: 'events', partitions }] }) };

    const batches = await member([1, 1], () => Promise.resolve(broker)).fetch('1');

    expect(batches).toMatchObject([{ topic: 'events', partition: 1, messages: [{ offset: '0' }] }]);
  });

  it('says so when the broker that leads all its partitions is gone', async () => {
    await expect(member([1, 1]).fetch('1')).rejects.toBe(refused);
  });
});

describe('what is sent to a broker', () => {
  interface Encoder {
    buffer: Buffer;
    writeInt32: (value: number) => Encoder;
    writeString: (value: string) => Encoder;
    writeBytes: (value: Buffer | string) => Encoder;
    writeEncoder: (value: Encoder) => Encoder;
    writeEncoderArray: (values: Encoder[]) => Encoder;
    size: () => number;
  }
  const Encoder = require('kafkajs/src/protocol/encoder') as new (initialSize?: number) => Encoder;
  const crc32C = require('kafkajs/src/protocol/recordBatch/crc32C') as (encoder: Buffer) => number;

  it('is put together in its order, from parts of any size', () => {
    const big = Buffer.alloc(5_000, 'b');
    const text = 't'.repeat(3_000);
    const inner = new Encoder().writeInt32(1).writeBytes(big).writeInt32(2).writeBytes(text);
    const outer = new Encoder(1).writeString('head').writeEncoder(inner).writeInt32(3);
    outer.writeEncoderArray([inner, new Encoder().writeInt32(4)]).writeString('tail');

    const int = (value: number): Buffer => Buffer.from([0, 0, 0, value]);
    const sized = (body: Buffer | string): Buffer[] => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(body.length);
      return [size, Buffer.from(body)];
    };
    const within = [int(1), ...sized(big), int(2), ...sized(text)];
    const named = (name: string): Buffer[] => [Buffer.from([0, name.length]), Buffer.from(name)];
    const whole = Buffer.concat([...named('head'), ...within, int(3), ...within, int(4), ...named('tail')]);
    expect(outer.size()).toBe(whole.length);
    expect(outer.buffer.equals(whole)).toBe(true);
    // Looked at before its end, it goes on behind that.
    expect(outer.writeInt32(5).buffer.equals(Buffer.concat([whole, int(5)]))).toBe(true);
    expect(outer.size()).toBe(whole.length + 4);
  });

  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4, whose bytes are in the order of the wire.
  it.each([
    ['zeros', Buffer.alloc(32), 0x8a9136aa],
    ['ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['incrementing', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['decrementing', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
    ['nine digits, which are no multiple of eight', Buffer.from('123456789'), 0xe3069283],
  ])('is told by its CRC-32C: %s', (_what, bytes, checksum) => {
    expect(crc32C(bytes)).toBe(checksum);
  });
});

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Configuration, createRuntime, type ReplyEnvelope, type Runtime, topicDefinitions } from '@qa-pms/platform';
import { createTopics } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';

describeWithKafka('records that are none of ours', (kafka) => {
  const prefix = `foreign${randomBytes(4).toString('hex')}.`;
  const [queries, replies] = [`${prefix}qa.workflow.queries`, `${prefix}qa.replies`];
  let runtime: Runtime;
  let producer: Producer;
  let admin: Admin;

  beforeAll(async () => {
    const topics = { topicPrefix: prefix, replication: 1, minInSync: 1 };
    await createTopics(kafka().brokers, topicDefinitions(topics, ['workflow'], []));
    const settings = {
      KAFKA_BROKERS: kafka().brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      ENCRYPTION_KEY: '00'.repeat(32),
      LOG_LEVEL: 'silent',
    };
    runtime = createRuntime(Configuration.fromEnvironment(settings), 'workflow');
    await runtime.wire.serve({
      service: 'workflow',
      requestTopics: ['queries'],
      eventSources: [],
      request: ({ body }) => Promise.resolve({ ok: true, body }),
      event: () => Promise.resolve(),
    });
    const client = new Kafka({ brokers: kafka().brokers.split(','), logLevel: logLevel.NOTHING });
    [producer, admin] = [client.producer(), client.admin()];
    await Promise.all([producer.connect(), admin.connect()]);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([producer.disconnect(), admin.disconnect()]);
    // Ends when nothing is in hand.
    await runtime.wire.close();
  }, 60_000);

  const ask = (body: string): Promise<ReplyEnvelope> =>
    runtime.wire.request('workflow', 'query', {
      key: null,
      headers: { name: 'ask', deadline: String(Date.now() + 10_000) },
      body,
    });

  const committed = async (topic: string, partition: number): Promise<number> => {
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    const groupId = groups.find((id) => id.startsWith(topic)) ?? '';
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return Number(offsets?.partitions.find((one) => one.partition === partition)?.offset);
  };

  it.each([
    ['requests', queries, 12],
    ['replies', replies, 24],
  ])(
    'are passed over among %s, and what comes after them is answered',
    async (_what, topic, partitions) => {
      const texts = ['no JSON', '5', 'null', '[]', '{"signature":7}', '{"correlation":5}', '{"correlation":{}}'];
      const cut = framed('{}').subarray(0, -1);
      const records = [...texts.map(framed), cut, Buffer.alloc(3), Buffer.alloc(8, 255), Buffer.alloc(0)];
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const messages = all.flatMap((partition) =>
        records.map((value) => ({ value, partition, headers: { frames: '1' } })),
      );
      await producer.send({ topic, messages });

      expect(await ask('still there')).toEqual({ ok: true, body: 'still there' });
      // Of the replies one partition is ours.
      const wanted = topic === queries ? all.length : 1;
      let passed = 0;
      for (let tries = 0; tries < 100 && passed < wanted; tries += 1) {
        await sleep(100);
        const offsets = await Promise.all(all.map((partition) => committed(topic, partition)));
        passed = offsets.filter((offset) => offset >= records.length).length;
      }
      expect(passed).toBe(wanted);
    },
    30_000,
  );

  it('do not take answers with them that go elsewhere', async () => {
    const [nowhere, elsewhere] = ['1.5', '3'].map((partition) =>
      framed(JSON.stringify({ correlation: 'x', 'reply-to': partition })),
    ) as [Buffer, Buffer];
    const end = async (): Promise<number> =>
      Number((await admin.fetchTopicOffsets(replies)).find(({ partition }) => partition === 3)?.offset);
    const before = await end();

    // One record: both are answered at once.
    await producer.send({
      topic: queries,
      messages: [{ value: Buffer.concat([nowhere, elsewhere]), headers: { frames: '1' } }],
    });

    for (let tries = 0; tries < 50 && (await end()) === before; tries += 1) await sleep(100);
    expect(await end()).toBe(before + 1);
  }, 30_000);
});

/** Headers and a body as a record has them, each behind its length. */
function framed(headers: string): Buffer {
  return Buffer.from(`\0\0\0${String.fromCharCode(headers.length)}${headers}\0\0\0\x02{}`);
}

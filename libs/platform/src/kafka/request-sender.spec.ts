import { setImmediate } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Producer, ProducerRecord } from 'kafkajs';
import { type Outgoing, RequestSender } from './request-sender.js';

/** A producer whose sends end when the test says so. */
class Broker {
  readonly sent: { topic: string; records: number; end: (error?: Error) => void }[] = [];

  send({ topic, messages }: ProducerRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        if (error) reject(error);
        else resolve();
      };
      this.sent.push({ topic, records: messages.length, end });
    });
  }
}

function senderTo(broker: Broker): RequestSender {
  return new RequestSender(broker as unknown as Producer, { debug: () => undefined } as never);
}

const message = (topic: string, given: Partial<Outgoing> = {}): Outgoing => ({
  topic,
  key: null,
  headers: {},
  body: '',
  ...given,
});

it('sends to each topic apart, so that one that is not there fails its own messages alone', async () => {
  const broker = new Broker();
  const sender = senderTo(broker);
  const outcomes = Promise.allSettled(['there', 'gone', 'there'].map((topic) => sender.send(message(topic))));
  await setImmediate();

  expect(broker.sent.map(({ topic, records }) => [topic, records])).toEqual([
    ['there', 1],
    ['gone', 1],
  ]);
  for (const { topic, end } of broker.sent) end(topic === 'gone' ? new Error('no such topic') : undefined);
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('sends at once what may share a record, and a record for each message with a key', async () => {
  const broker = new Broker();
  const sender = senderTo(broker);
  const partitions = [1, 2, 1].map((partition) => message('topic', { partition }));
  for (const one of [...partitions, message('topic', { key: 'a' }), message('topic', { key: 'a' })])
    void sender.send(one);
  await setImmediate();

  expect(broker.sent.map(({ records }) => records)).toEqual([4]);
});

it('sends together what has come while something is on its way, and waits for a broker that hangs only for moments', async () => {
  const broker = new Broker();
  const sender = senderTo(broker);
  void sender.send(message('topic'));
  await setImmediate();
  for (let count = 0; count < 3; count += 1) void sender.send(message('topic'));
  await setImmediate();
  expect(broker.sent).toHaveLength(1);

  broker.sent[0]?.end();
  await setImmediate();
  expect(broker.sent).toHaveLength(2);

  // The second hangs.
  const third = sender.send(message('topic'));
  while (broker.sent.length < 3) await setImmediate();
  broker.sent[2]?.end();
  await third;

  const drained = sender.drained();
  broker.sent[1]?.end();
  await drained;
});

// What kafkajs takes to put a produce request together, beside one copy and one checksum of the same bytes.
// node tests/bench/produce.js
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';

const require = createRequire(import.meta.url);
const request = require('kafkajs/src/protocol/request');
const produce = require('kafkajs/src/protocol/requests/produce/v3/request');

const ROUNDS = 5_000;

/** Bytes that are carried at once: some requests, replies, and events. */
for (const size of [1_000, 10_000, 31_000, 500_000]) {
  const value = Buffer.alloc(size, 'record');
  const messages = [{ key: null, value, headers: {} }];
  const topicData = [{ topic: 'qa.workflow.queries', partitions: [{ partition: 1, messages }] }];
  const send = async () => {
    const made = produce({ acks: -1, timeout: 1_000, topicData });
    return (await request({ correlationId: 1, clientId: 'bench', request: made })).buffer;
  };
  const reference = () => crc32(Buffer.concat([value]));
  for (const work of [send, reference]) await measure(work, 1_000);
  const [ours, theirs] = [await measure(send), await measure(reference)];
  console.log(`${size} bytes: ${ours.toFixed(1)} µs, ${(ours / theirs).toFixed(1)} × a copy and a CRC-32`);
}

/** Microseconds of processor time. */
async function measure(work, rounds = ROUNDS) {
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / rounds;
}

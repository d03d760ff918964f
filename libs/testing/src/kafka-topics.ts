import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, type ITopicConfig, Kafka, logLevel } from 'kafkajs';

const LIMIT_MS = 20_000;

/**
 * Makes topics; resolved when each partition has its leader. kafkajs's own wait gives up where a busy broker does not know
 * a new topic yet.
 */
export async function createTopics(brokers: string, topics: ITopicConfig[]): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics, waitForLeaders: false, timeout: LIMIT_MS });
    const names = topics.map(({ topic }) => topic);
    const limit = Date.now() + LIMIT_MS;
    while (!(await haveLeaders(admin, names))) {
      if (Date.now() > limit) throw new Error(`The broker of the test does not lead ${names.join(', ')}.`);
      await sleep(50);
    }
  } finally {
    await admin.disconnect();
  }
}

async function haveLeaders(admin: Admin, names: string[]): Promise<boolean> {
  const { topics } = await admin.fetchTopicMetadata({ topics: names }).catch(() => ({ topics: [] }));
  const led = topics.filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  return led.length === names.length;
}

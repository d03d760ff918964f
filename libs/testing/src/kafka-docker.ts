import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePort } from '@qa-pms/database/embedded';
import { brokerSettings } from './kafka-java.js';
import { KAFKA_VERSION } from './kafka-jars.js';
import type { TestKafka } from './kafka.js';

const run = promisify(execFile);

export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`;
const START_LIMIT_MS = 60_000;

/** Starts one KRaft node in a container. The image turns KAFKA_NODE_ID into node.id, and so on. */
export async function startKafkaInDocker(): Promise<TestKafka> {
  const port = await freePort();
  const name = `qa-pms-test-kafka-${randomBytes(4).toString('hex')}`;
  const settings = {
    ...brokerSettings(),
    'controller.quorum.voters': '1@localhost:9093',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  };
  const variables = Object.entries(settings);
  const env = variables.flatMap(([key, value]) => ['-e', `KAFKA_${key.toUpperCase().replaceAll('.', '_')}=${value}`]);
  const publish = ['-p', `127.0.0.1:${port}:9092`, '-e', 'KAFKA_HEAP_OPTS=-Xmx384m'];
  await run('docker', ['run', '-d', '--name', name, ...publish, ...env, KAFKA_IMAGE]);
  const brokers = `127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await run('docker', ['rm', '-f', '-v', name]);
  };
  try {
    await untilAnswers(brokers);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers,
    stop,
    kill: async () => {
      await run('docker', ['kill', name]);
    },
    pause: async () => {
      await run('docker', ['pause', name]);
    },
    resume: async () => {
      await run('docker', ['unpause', name]);
    },
    restart: async () => {
      await run('docker', ['restart', '-t', '20', name]);
      await untilAnswers(brokers);
    },
  };
}

/** Docker's own proxy holds the port open before the broker listens: only an answer counts. */
async function untilAnswers(brokers: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  const client = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  for (;;) {
    const admin = client.admin();
    try {
      await admin.connect();
      await admin.listTopics();
      return;
    } catch (error) {
      if (Date.now() > limit) throw new Error('Kafka in Docker did not answer.', { cause: error });
      await sleep(200);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}

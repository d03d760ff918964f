import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '@qa-pms/all-in-one';
import {
  Configuration,
  eventSourcesOf,
  explainKafka,
  kafkaClientOptions,
  KafkaSettings,
  processEnvironment,
  SettingsError,
  topicDefinitions,
} from '@qa-pms/platform';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { CliError, EXIT_CODES } from './errors.js';
import { type Context, table } from './output.js';

/** Longest wait for the broker to make topics, and then for their leaders. */
const LEADERS_MS = 10_000;

/** `qa-pms topics create`: makes what is missing and leaves the rest as it is. */
export async function createTopics({ file, output }: Context): Promise<void> {
  await withAdmin(file, async (admin, settings) => {
    const consumers = SERVICES.map(({ name, module }) => ({ consumer: name, sources: eventSourcesOf(module) }));
    const existing = new Set(await admin.listTopics());
    const wanted = topicDefinitions(
      settings,
      SERVICES.map(({ name }) => name),
      consumers,
    );
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) {
      await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: LEADERS_MS });
      await untilLed(
        admin,
        missing.map(({ topic }) => topic),
      );
    }
    const created = missing.map(({ topic, numPartitions }) => ({ topic, partitions: numPartitions }));
    const there = wanted.length - missing.length;
    await output.print({ created, there }, () =>
      [
        ...created.map(({ topic, partitions }) => `created ${topic} (${String(partitions)} partitions)`),
        `${String(created.length)} created, ${String(there)} were there`,
      ].join('\n'),
    );
  });
}

/** Until each partition has its leader. kafkajs's own wait gives up where a busy broker does not know the topic yet. */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const end = Date.now() + LEADERS_MS;
  for (;;) {
    const described = await admin.fetchTopicMetadata({ topics }).catch((error: unknown) => {
      if (Date.now() > end) throw error;
      return { topics: [] };
    });
    const led = described.topics.filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
    if (led.length === topics.length) return;
    if (Date.now() > end)
      throw new CliError(
        'The topics are made, but not all have a leader: look at the brokers.',
        EXIT_CODES.unavailable,
      );
    await sleep(100);
  }
}

/** `qa-pms topics list`. */
export async function listTopics({ file, output }: Context): Promise<void> {
  await withAdmin(file, async (admin, { topicPrefix }) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${topicPrefix}qa.`)).sort();
    const { topics: described } = await admin.fetchTopicMetadata({ topics });
    const list = described.map(({ name, partitions }) => ({ topic: name, partitions: partitions.length }));
    await output.print(list, () =>
      table(
        ['topic', 'partitions'],
        list.map(({ topic, partitions }) => [topic, String(partitions)]),
      ),
    );
  });
}

/** Lends a way to Kafka's administration. */
export async function withAdmin(
  file: string | null,
  work: (admin: Admin, settings: KafkaSettings) => Promise<void>,
): Promise<void> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const settings = configuration.read(KafkaSettings);
  if (settings.brokers.length === 0)
    throw new CliError(
      'KAFKA_BROKERS is not set: say which broker, for example KAFKA_BROKERS=localhost:9092.',
      EXIT_CODES.configuration,
    );
  const kafka = new Kafka({
    clientId: 'qa-pms',
    ...kafkaClientOptions(settings),
    retry: { retries: 3 },
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
  } catch (error) {
    const explained = explainKafka(error, settings);
    if (explained instanceof SettingsError) throw explained;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`Kafka at ${settings.brokers.join(', ')} cannot be reached: ${reason}.`, EXIT_CODES.unavailable);
  }
  try {
    await work(admin, settings);
  } finally {
    await admin.disconnect();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '@qa-pms/all-in-one';
import {
  Configuration,
  eventSourcesOf,
  explainKafka,
  kafkaClientOptions,
  KafkaSettings,
  processEnvironment,
  RECORD_BYTES,
  SettingsError,
  topicDefinitions,
} from '@qa-pms/platform';
import kafkajs, { type Admin, Kafka, logLevel } from 'kafkajs';
import { CliError, EXIT_CODES } from './errors.js';
import { type Context, table } from './output.js';

// Node does not find these two among its named exports.
const { ConfigResourceTypes, ConfigSource } = kafkajs;

const LIMIT = 'max.message.bytes';
/** Longest wait for the brokers to make topics, then for their leaders, and for a raised limit. */
const BROKERS_MS = 10_000;

type ConfigResource = Awaited<ReturnType<Admin['describeConfigs']>>['resources'][number];

/** `qa-pms topics create`: makes what is missing, and lets what is there take messages of our size; the rest is left. */
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
      await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: BROKERS_MS });
      await untilLed(
        admin,
        missing.map(({ topic }) => topic),
      );
    }
    const there = wanted.map(({ topic }) => topic).filter((topic) => existing.has(topic));
    const raised = await raiseLimits(admin, there);
    const created = missing.map(({ topic, numPartitions }) => ({ topic, partitions: numPartitions }));
    await output.print({ created, raised, there: there.length }, () =>
      [
        ...created.map(({ topic, partitions }) => `created ${topic} (${String(partitions)} partitions)`),
        ...raised.map((topic) => `raised ${LIMIT} of ${topic} to ${String(RECORD_BYTES)}`),
        `${String(created.length)} created, ${String(there.length)} were there`,
      ].join('\n'),
    );
  });
}

/** Topics whose limit was lower, which refuse what services may send: made by an older version, or by somebody else. */
async function raiseLimits(admin: Admin, topics: string[]): Promise<string[]> {
  const low = await limited(admin, topics);
  const names = low.map(({ resourceName }) => resourceName);
  if (low.length === 0) return names;
  try {
    await admin.alterConfigs({
      validateOnly: false,
      resources: low.map(({ resourceName: name, configEntries }) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configEntries: [
          // What is not named here would go back to the broker's default.
          ...configEntries
            .filter(
              ({ configName, configSource }) => configSource === ConfigSource.TOPIC_CONFIG && configName !== LIMIT,
            )
            .map(({ configName, configValue }) => ({ name: configName, value: configValue })),
          { name: LIMIT, value: String(RECORD_BYTES) },
        ],
      })),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(
      `${LIMIT} of ${names.join(', ')} is below ${String(RECORD_BYTES)} and could not be raised: ${reason}. Raise it as a user who may alter these topics.`,
    );
  }
  // A broker hears of it from the controller: until then it answers with the old limit, and holds to it.
  const end = Date.now() + BROKERS_MS;
  while ((await limited(admin, names)).length > 0) {
    if (Date.now() > end)
      throw new CliError(`${LIMIT} is raised, but the brokers do not follow: look at them.`, EXIT_CODES.unavailable);
    await sleep(100);
  }
  return names;
}

/** Those of the topics that take less than our size. */
async function limited(admin: Admin, topics: string[]): Promise<ConfigResource[]> {
  if (topics.length === 0) return [];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  return resources.filter(({ configEntries }) =>
    configEntries.some(({ configName, configValue }) => configName === LIMIT && Number(configValue) < RECORD_BYTES),
  );
}

/** Until each partition has its leader. kafkajs's own wait gives up where a busy broker does not know the topic yet. */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const end = Date.now() + BROKERS_MS;
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

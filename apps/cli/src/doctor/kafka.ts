import { SERVICES } from '@qa-pms/all-in-one';
import {
  type Configuration,
  eventSourcesOf,
  KafkaSettings,
  topicDefinitions,
  type TopicDefinition,
} from '@qa-pms/platform';
import type { Admin } from 'kafkajs';
import { withAdmin } from '../topics.js';
import { failed, type Finding, lineOf, ok, skipped, warning } from './findings.js';

/** operations.md: HighQueueDepth and CriticalQueueDepth. */
const LAG_WARNING = 7_000;
const LAG_FAILED = 10_000;

/** Brokers, our topics with their partitions, and how far consumers are behind. */
export async function checkKafka(configuration: Configuration, file: string | null): Promise<Finding[]> {
  const settings = configuration.peek(KafkaSettings);
  if (settings.brokers.length === 0)
    return [skipped('kafka', 'no brokers are configured: messages stay in the process')];
  const findings: Finding[] = [];
  try {
    await withAdmin(file, async (admin) => {
      const { brokers } = await admin.describeCluster();
      findings.push(ok('kafka', `${String(brokers.length)} brokers answer`));
      if (settings.replication > brokers.length) {
        const message = `kafka.replication is ${String(settings.replication)}, and there are ${String(brokers.length)} brokers`;
        findings.push(failed('kafka replication', message, 'Add brokers, or lower KAFKA_REPLICATION.'));
      }
      const wanted = wantedTopics(settings);
      const topics = await checkTopics(admin, wanted);
      findings.push(...topics);
      if (topics.every(({ status }) => status !== 'failed')) findings.push(...(await checkLag(admin, settings)));
    });
  } catch (error) {
    const remedy =
      'Start Kafka, or correct KAFKA_BROKERS; brokers must advertise addresses that are reached from here.';
    findings.push(failed('kafka', lineOf(error), remedy));
  }
  return findings;
}

function wantedTopics(settings: KafkaSettings): TopicDefinition[] {
  const consumers = SERVICES.map(({ name, module }) => ({ consumer: name, sources: eventSourcesOf(module) }));
  return topicDefinitions(
    settings,
    SERVICES.map(({ name }) => name),
    consumers,
  );
}

async function checkTopics(admin: Admin, wanted: TopicDefinition[]): Promise<Finding[]> {
  const existing = new Set(await admin.listTopics());
  const missing = wanted.filter(({ topic }) => !existing.has(topic)).map(({ topic }) => topic);
  if (missing.length > 0)
    return [failed('topics', `missing: ${missing.join(', ')}`, 'Make them: npx qa-pms topics create.')];
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) });
  const problems = topics.flatMap(({ name, partitions }) => {
    const expected = wanted.find(({ topic }) => topic === name)?.numPartitions ?? 0;
    const leaderless = partitions.filter(({ leader }) => leader < 0).length;
    return [
      ...(partitions.length < expected
        ? [`${name} has ${String(partitions.length)} of ${String(expected)} partitions`]
        : []),
      ...(leaderless > 0 ? [`${name} has ${String(leaderless)} partitions without a leader`] : []),
    ];
  });
  if (problems.length === 0) return [ok('topics', `${String(wanted.length)} are there with their partitions`)];
  const remedy = 'Bring back the brokers that hold them; add partitions with kafka-topics.sh --alter --partitions.';
  return [failed('topics', problems.join('; '), remedy)];
}

async function checkLag(admin: Admin, { topicPrefix }: KafkaSettings): Promise<Finding[]> {
  const { groups } = await admin.listGroups();
  const own = groups
    .map(({ groupId }) => groupId)
    .filter((id) => id.startsWith(`${topicPrefix}qa.`) && !id.includes('replies'));
  const lags = await Promise.all(own.map(async (groupId) => ({ groupId, lag: await lagOf(admin, groupId) })));
  const total = lags.reduce((sum, { lag }) => sum + lag, 0);
  const worst = [...lags].sort((one, other) => other.lag - one.lag)[0];
  if (!worst) return [warning('consumers', 'no service has ever consumed', 'Start the services.')];
  const message = `${String(total)} messages wait in ${String(own.length)} groups, most in ${worst.groupId} (${String(worst.lag)})`;
  const remedy = 'See whether that service runs and what its log says; start more instances of it.';
  if (worst.lag > LAG_FAILED) return [failed('consumer lag', message, remedy)];
  return [worst.lag > LAG_WARNING ? warning('consumer lag', message, remedy) : ok('consumer lag', message)];
}

/** Messages behind the group's position; a partition without one is not counted, its consumer begins at the end. */
async function lagOf(admin: Admin, groupId: string): Promise<number> {
  let lag = 0;
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId })) {
    const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, high]));
    for (const { partition, offset } of partitions) {
      if (Number(offset) >= 0) lag += Math.max(0, Number(ends.get(partition) ?? 0) - Number(offset));
    }
  }
  return lag;
}

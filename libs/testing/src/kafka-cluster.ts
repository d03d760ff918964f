import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { freePorts } from '@qa-pms/database/embedded';
import { brokerSettings, KafkaNode, newClusterId } from './kafka-java.js';
import { kafkaJars } from './kafka-jars.js';

const NODES = [1, 2, 3] as const;
/** Three share a machine with all that is tested: the first compiler alone starts them in half the time. */
const JAVA = ['-Xmx256m', '-XX:TieredStopAtLevel=1'];
const IN_SYNC_LIMIT_MS = 60_000;

/** Three brokers, each also a controller, which hold every record three times. */
export interface TestKafkaCluster {
  /** Addresses of all, comma-separated, as `KAFKA_BROKERS` takes them. */
  brokers: string;
  nodes: Pick<KafkaNode, 'start' | 'end'>[];
  /** Resolved when every broker holds every partition. */
  inSync: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Starts three brokers from Kafka's jars, with the settings for clients and elections that Kafka has by default. */
export async function startKafkaCluster(): Promise<TestKafkaCluster> {
  const jars = await kafkaJars();
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-kafka-cluster-'));
  const ports = await freePorts(2 * NODES.length);
  const portOf = (node: number): number => ports[node - 1]!;
  const controllerOf = (node: number): number => ports[NODES.length + node - 1]!;
  const clusterId = newClusterId();
  const nodes: KafkaNode[] = [];
  for (const id of NODES) {
    const own = join(folder, String(id));
    await mkdir(own);
    const client = `PLAINTEXT://127.0.0.1:${portOf(id)}`;
    const settings = {
      ...brokerSettings(),
      'node.id': String(id),
      'controller.quorum.voters': NODES.map((node) => `${node}@127.0.0.1:${controllerOf(node)}`).join(','),
      listeners: `${client},CONTROLLER://127.0.0.1:${controllerOf(id)}`,
      'advertised.listeners': client,
      'log.dirs': join(own, 'data'),
      'offsets.topic.replication.factor': '3',
      'offsets.topic.num.partitions': '12',
      'transaction.state.log.replication.factor': '3',
      'transaction.state.log.min.isr': '2',
      'share.coordinator.state.topic.replication.factor': '3',
      'share.coordinator.state.topic.min.isr': '2',
      'min.insync.replicas': '2',
      'group.min.session.timeout.ms': '6000',
    };
    nodes.push(await KafkaNode.format({ folder: own, jars, port: portOf(id), settings, clusterId, java: JAVA }));
  }
  // A broker opens its port when a majority has chosen a controller.
  await Promise.all(nodes.map((node) => node.start()));
  const brokers = NODES.map((id) => `127.0.0.1:${portOf(id)}`).join(',');
  return {
    brokers,
    nodes,
    inSync: () => untilInSync(brokers),
    stop: async () => {
      // At once: a majority that is gone would keep the last from ending by itself.
      await Promise.all(nodes.map((node) => node.end('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilInSync(brokers: string): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const limit = Date.now() + IN_SYNC_LIMIT_MS;
  for (;;) {
    const { topics } = await admin.fetchTopicMetadata().catch(() => ({ topics: [] }));
    const partitions = topics.flatMap((topic) => topic.partitions);
    if (partitions.length > 0 && partitions.every(({ isr }) => isr.length === NODES.length)) break;
    if (Date.now() > limit) throw new Error('The brokers of the test are not in sync.');
    await sleep(200);
  }
  await admin.disconnect();
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from '@qa-pms/database/embedded';
import { classPath, kafkaJars } from './kafka-jars.js';
import type { TestKafka } from './kafka.js';

const run = promisify(execFile);

/** Several that start at once share a small machine. */
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 20_000;

/** Settings of a single node for tests, by Kafka's names: https://kafka.apache.org/42/configuration/broker-configs/ */
export function brokerSettings(): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // Brokers demand 6 s by default; tests of dead members would wait that long.
    'group.min.session.timeout.ms': '1000',
    // A topic made by accident has one partition and hides a missing one.
    'auto.create.topics.enable': 'false',
  };
}

/** What a broker needs beside its plain listener. */
export interface MoreOfKafka {
  /** Names of further listeners; each gets a port. */
  listeners: string[];
  settings: Record<string, string>;
  /** Files beside its settings, by name; `$folder` in a setting is where they lie. */
  files: Record<string, string>;
  /** Arguments for `kafka-storage format`. */
  format: string[];
}

const NOTHING_MORE: MoreOfKafka = { listeners: [], settings: {}, files: {}, format: [] };

/** Starts one KRaft node from Kafka's jars, in a temporary folder on free ports. */
export async function startKafkaFromJars(
  more: MoreOfKafka = NOTHING_MORE,
): Promise<TestKafka & { ports: Record<string, number> }> {
  const jars = await kafkaJars();
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-kafka-'));
  const [port, controllerPort, ...others] = (await freePorts(2 + more.listeners.length)) as [
    number,
    number,
    ...number[],
  ];
  const ports = Object.fromEntries(more.listeners.map((name, index) => [name, others[index]!]));
  const listening = Object.entries(ports).map(([name, own]) => `,${name}://127.0.0.1:${own}`);
  for (const [name, text] of Object.entries(more.files)) await writeFile(join(folder, name), text);
  const settings = {
    ...brokerSettings(),
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${listening.join('')}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${listening.join('').replaceAll('127.0.0.1', 'localhost')}`,
    'log.dirs': join(folder, 'data'),
    ...more.settings,
  };
  const node = await KafkaNode.format({ folder, jars, port, settings, clusterId: newClusterId(), more: more.format });
  await node.start();
  return {
    brokers: `127.0.0.1:${port}`,
    ports,
    stop: async () => {
      await node.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => node.end('SIGKILL'),
    pause: () => node.signal('SIGSTOP'),
    resume: () => node.signal('SIGCONT'),
    restart: async () => {
      await node.end('SIGTERM');
      await node.start();
    },
  };
}

export function newClusterId(): string {
  return randomBytes(16).toString('base64url');
}

interface KafkaNodeOptions {
  /** Where its settings, its log and what they name lie. */
  folder: string;
  jars: string;
  /** Where it listens for clients. */
  port: number;
  /** `$folder` stands for the folder. */
  settings: Record<string, string>;
  clusterId: string;
  /** Further arguments for `kafka-storage format`. */
  more?: string[];
  /** Options of its JVM. */
  java?: string[];
}

/** One broker in a process of its own. */
export class KafkaNode {
  private process: ChildProcess | null = null;
  private readonly onExit = (): void => {
    this.process?.kill('SIGKILL');
  };

  private constructor(
    private readonly folder: string,
    private readonly jars: string,
    private readonly config: string,
    private readonly port: number,
    private readonly java: string[],
  ) {}

  /** Writes its settings and prepares its data. */
  static async format(options: KafkaNodeOptions): Promise<KafkaNode> {
    const { folder, jars, port, settings, clusterId, more = [], java = ['-Xmx384m', '-Xms128m'] } = options;
    const config = join(folder, 'server.properties');
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value.replaceAll('$folder', folder)}`);
    await writeFile(config, `${lines.join('\n')}\n`);
    await writeFile(
      join(folder, 'log4j2.properties'),
      'rootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\nappender.c.type=Console\nappender.c.name=c\n',
    );
    // One id in 64 begins with a hyphen: as a word of its own it would be taken for an option.
    const id = `--cluster-id=${clusterId}`;
    await run('java', ['-cp', classPath(jars), 'kafka.tools.StorageTool', 'format', id, '-c', config, ...more]);
    return new KafkaNode(folder, jars, config, port, java);
  }

  async start(): Promise<void> {
    const logFile = join(this.folder, 'kafka.log');
    const log = openSync(logFile, 'a');
    const options = [...this.java, '-XX:+UseSerialGC'];
    const logging = `-Dlog4j2.configurationFile=${join(this.folder, 'log4j2.properties')}`;
    const node = spawn('java', [...options, logging, '-cp', classPath(this.jars), 'kafka.Kafka', this.config], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.process = node;
    process.once('exit', this.onExit);
    const limit = Date.now() + START_LIMIT_MS;
    while (!(await accepts(this.port))) {
      if (node.exitCode !== null || Date.now() > limit) {
        await this.end('SIGKILL');
        throw new Error(`Kafka did not start: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
      }
      await sleep(100);
    }
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    this.process?.kill(signal);
    return Promise.resolve();
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const node = this.process;
    this.process = null;
    process.off('exit', this.onExit);
    if (!node || node.exitCode !== null || node.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => {
      node.once('exit', () => {
        resolve();
      });
    });
    node.kill(signal);
    const timer = setTimeout(() => node.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** The port opens when the node serves: a tool that asks in another JVM would take seconds. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const done = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', done(true));
    socket.once('error', done(false));
  });
}

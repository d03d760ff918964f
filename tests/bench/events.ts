import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { event, IntegerField, TextField, wireName } from '@qa-pms/contracts';
import { Database, DatabaseModule, type DatabaseOptions } from '@qa-pms/database';
import {
  bootService,
  Configuration,
  createRuntime,
  defineService,
  Handle,
  InProcessWire,
  runAsSystem,
  topicDefinitions,
  topicName,
} from '@qa-pms/platform';
import { startKafka, startOwnDatabase } from '@qa-pms/testing';
import { Kafka, logLevel } from 'kafkajs';
import type { Row } from './rows.js';

class Ticked extends event({ service: 'workflow', name: 'ticked', key: 'key' }) {
  @TextField({ description: 'Whose.', max: 100 })
  key!: string;
  @IntegerField({ description: 'Which.' })
  number!: number;
}

/** When the consumer saw each number. */
const arrivals: number[] = [];
let received = 0;

@Controller()
class TickMessages {
  @Handle(Ticked)
  ticked({ number }: Ticked): void {
    arrivals[number] = performance.now();
    received += 1;
  }
}

const out: DatabaseOptions = { schema: 'bench_out', entities: [], migrations: [] };
const into: DatabaseOptions = { schema: 'bench_in', entities: [], migrations: [] };

@Module({ imports: [DatabaseModule.forService(out)] })
class OutModule {}
@Module({ imports: [DatabaseModule.forService(into)], controllers: [TickMessages] })
class InModule {}

const producer = defineService({ name: 'workflow', module: OutModule, settings: [], database: out });
const consumer = defineService({ name: 'tracking', module: InModule, settings: [], database: into });

/** A quiet system's rate, evenly paced: bursts would measure their own queue. */
const PER_SECOND = 100;
const PACED = 2_000;
const BACKLOG = 100_000;
const KEYS = 1_000;

/** Commit to consumer, and how fast a full outbox is emptied; both with a consumer that does nothing. */
export async function measureEvents(): Promise<Row[]> {
  const database = await startOwnDatabase();
  const kafka = await startKafka();
  try {
    return [
      await measure('in process', { DATABASE_URL: database.url }),
      await measure('over Kafka', { DATABASE_URL: database.url, KAFKA_BROKERS: kafka.brokers }),
    ];
  } finally {
    await kafka.stop();
    await database.stop();
  }
}

async function measure(name: string, environment: Record<string, string>): Promise<Row> {
  const prefix = `bench${randomUUID().slice(0, 8)}.`;
  const settings = {
    ENCRYPTION_KEY: 'ab'.repeat(32),
    LOG_LEVEL: 'warn',
    DATABASE_MIGRATE_ON_START: 'true',
    DATABASE_POOL_MAX: '4',
    KAFKA_TOPIC_PREFIX: prefix,
    ...environment,
  };
  const brokers = environment['KAFKA_BROKERS'];
  if (brokers) await createTopics(brokers, prefix);
  const runtime = createRuntime(Configuration.fromEnvironment(settings), 'bench');
  const services = [await bootService(consumer, runtime), await bootService(producer, runtime)];
  const { wire } = runtime;
  if (wire instanceof InProcessWire) wire.allServing();
  const database = services[1]!.app.get(Database, { strict: false });
  const milliseconds = await paced(database);
  const drained = await drain(database, prefix);
  for (const service of services) await service.app.close();
  await wire.close();
  return {
    what: `events ${name}`,
    'commit to consumer P50 ms': at(milliseconds, 0.5),
    'P95 ms': at(milliseconds, 0.95),
    'P99 ms': at(milliseconds, 0.99),
    'outbox drain/s': Math.round(drained),
  };
}

async function createTopics(brokers: string, topicPrefix: string): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const settings = { topicPrefix, replication: 1, minInSync: 1 };
  const consumers = [{ consumer: 'tracking' as const, sources: ['workflow' as const] }];
  await admin.createTopics({ topics: topicDefinitions(settings, ['workflow', 'tracking'], consumers) });
  await admin.disconnect();
}

async function paced(database: Database): Promise<number[]> {
  const committed: number[] = [];
  arrivals.length = 0;
  received = 0;
  const start = performance.now();
  const publications: Promise<void>[] = [];
  for (let number = 0; number < PACED; number += 1) {
    await sleep(start + (number * 1_000) / PER_SECOND - performance.now());
    const key = `key ${String(number % KEYS)}`;
    const published = runAsSystem({}, () =>
      database.transaction(async (tx) => {
        tx.publish(Ticked, { key, number });
      }),
    );
    publications.push(
      published.then(() => {
        committed[number] = performance.now();
      }),
    );
  }
  await Promise.all(publications);
  await untilReceived(PACED);
  // The first second warms up. What came before the commit was seen to return came at once.
  const waits = committed.map((moment, number) => Math.max(0, (arrivals[number] ?? Infinity) - moment));
  return waits.slice(PER_SECOND).sort((one, other) => one - other);
}

async function drain(database: Database, prefix: string): Promise<number> {
  arrivals.length = 0;
  received = 0;
  const name = wireName(Ticked.contract);
  await database.dataSource.query(
    `INSERT INTO bench_out.outbox_messages (id, topic, key, headers, body)
     SELECT id, $1, 'key ' || number % $2, json_build_object('name', $3::text, 'id', id, 'request-id', id),
       json_build_object('key', 'key ' || number % $2, 'number', number)
     FROM (SELECT number, gen_random_uuid() AS id FROM generate_series(0, $4::int - 1) AS numbers (number)) AS rows`,
    [topicName(prefix, 'workflow', 'events'), KEYS, name, BACKLOG],
  );
  const start = performance.now();
  await untilReceived(BACKLOG);
  return (BACKLOG * 1_000) / (performance.now() - start);
}

async function untilReceived(count: number): Promise<void> {
  while (received < count) await sleep(5);
}

function at(sorted: number[], share: number): number {
  return Math.round((sorted[Math.floor(sorted.length * share)] ?? NaN) * 10) / 10;
}

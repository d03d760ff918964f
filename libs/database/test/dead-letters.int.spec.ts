import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { event, IntegerField, TextField, type ServiceName, wireName } from '@qa-pms/contracts';
import { DatabaseModule, DatabaseSettings, type DeadLetter, DeadLetters } from '@qa-pms/database';
import {
  bootService,
  Configuration,
  createRuntime,
  DeadLetterStore,
  defineService,
  type EventEnvelope,
  Handle,
  InProcessWire,
  type RunningService,
  type Runtime,
  type ServiceDefinition,
  topicDefinitions,
  topicName,
} from '@qa-pms/platform';
import { createTopics, startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';

class Happened extends event({ service: 'workflow', name: 'happened', key: 'key' }) {
  @TextField({ description: 'Whose.', max: 100 })
  key!: string;
  @IntegerField({ description: 'Which.' })
  number!: number;
}

/** A service that handles the event, and what it has seen. */
interface Consumer {
  service: ServiceDefinition;
  /** Numbers by key, in the order in which they were handled. */
  seen: Map<string, number[]>;
  /** `key#number` of what it refuses. */
  refused: Set<string>;
  /** Called before each message is handled. */
  before: (happened: Happened) => Promise<void>;
}

function consumer(name: ServiceName): Consumer {
  const memory: Omit<Consumer, 'service'> = {
    seen: new Map(),
    refused: new Set(),
    before: () => Promise.resolve(),
  };

  @Controller()
  class Messages {
    @Handle(Happened)
    async happened(happened: Happened): Promise<void> {
      const { key, number } = happened;
      await memory.before(happened);
      if (memory.refused.has(`${key}#${String(number)}`)) throw new Error(`not ${String(number)}`);
      memory.seen.set(key, [...(memory.seen.get(key) ?? []), number]);
    }
  }

  const database = { schema: `toy_${name}`, entities: [], migrations: [] };

  @Module({ imports: [DatabaseModule.forService(database)], controllers: [Messages] })
  class ToyModule {}

  const service = defineService({ name, module: ToyModule, settings: [DatabaseSettings], database });
  return Object.assign(memory, { service });
}

describe('dead letters in process', () => {
  contract(() => '');
});

describeWithKafka('dead letters over Kafka', (kafka) => {
  contract(() => kafka().brokers);
});

/** What both wires must do alike. */
function contract(brokers: () => string): void {
  const [tracking, identity] = [consumer('tracking'), consumer('identity')];
  let database: TestDatabase;
  let runtime: Runtime;
  let running: RunningService;
  let other: RunningService;
  let letters: DeadLetters;
  let topic = '';
  let key = '';

  const place = (number: number): EventEnvelope => {
    const id = randomUUID();
    const headers = { name: wireName(Happened.contract), id, 'request-id': id };
    return { topic, key, headers, body: JSON.stringify({ key, number }) };
  };
  const publish = async (...numbers: number[]): Promise<void> => {
    await Promise.all(runtime.wire.publish(numbers.map(place)));
  };
  const parked = async (): Promise<DeadLetter[]> => (await letters.list()).filter((letter) => letter.key === key);
  const untilParked = async (count: number): Promise<void> => {
    while ((await parked()).length < count) await sleep(20);
  };
  const untilSeen = async ({ seen }: Consumer, count: number): Promise<void> => {
    while ((seen.get(key)?.length ?? 0) < count) await sleep(20);
  };
  const replay = (): Promise<number> => letters.replay(topic, key, (event) => running.server.replay(event));
  /** Number 0 is refused, and number 1 follows it. */
  const parkTwo = async (): Promise<void> => {
    tracking.refused.add(`${key}#0`);
    await publish(0, 1);
    await untilParked(2);
    await untilSeen(identity, 2);
  };

  beforeAll(async () => {
    const prefix = brokers() === '' ? '' : `t${randomUUID().slice(0, 8)}.`;
    topic = topicName(prefix, 'workflow', 'events');
    if (prefix !== '') {
      const settings = { topicPrefix: prefix, replication: 1, minInSync: 1 };
      const consumers = [tracking, identity].map(({ service }) => ({
        consumer: service.name,
        sources: ['workflow' as const],
      }));
      await createTopics(brokers(), topicDefinitions(settings, ['workflow', 'tracking', 'identity'], consumers));
    }
    database = await startTestDatabase();
    const environment = {
      ENCRYPTION_KEY: 'ab'.repeat(32),
      LOG_LEVEL: 'silent',
      DATABASE_URL: database.url,
      DATABASE_MIGRATE_ON_START: 'true',
      DATABASE_POOL_MAX: '4',
      KAFKA_BROKERS: brokers(),
      KAFKA_TOPIC_PREFIX: prefix,
    };
    runtime = createRuntime(Configuration.fromEnvironment(environment), 'toy');
    running = await bootService(tracking.service, runtime);
    other = await bootService(identity.service, runtime);
    if (runtime.wire instanceof InProcessWire) runtime.wire.allServing();
    letters = running.app.get<DeadLetters>(DeadLetterStore);
  }, 60_000);

  afterAll(async () => {
    for (const one of [running, other]) await one.app.close();
    await runtime.wire.close();
    await database.stop();
  }, 30_000);

  beforeEach(() => {
    key = randomUUID();
    tracking.refused.clear();
    tracking.before = () => Promise.resolve();
  });

  it('are listed with the error, and with what follows it', async () => {
    await parkTwo();

    const list = await parked();

    expect(list).toMatchObject([
      { topic, key, error: 'Error: not 0' },
      { topic, key, error: null },
    ]);
    expect(tracking.seen.get(key)).toBeUndefined();
  }, 20_000);

  it('are replayed in order, to their consumer alone, and then the key is free', async () => {
    await parkTwo();
    tracking.refused.clear();

    const count = await replay();
    await publish(2);
    await untilSeen(tracking, 3);
    await untilSeen(identity, 3);

    expect(count).toBe(2);
    expect(tracking.seen.get(key)).toEqual([0, 1, 2]);
    expect(identity.seen.get(key)).toEqual([0, 1, 2]);
    expect(await parked()).toEqual([]);
  }, 20_000);

  it('stay where they are when they are refused again', async () => {
    await parkTwo();

    const refused = replay();

    await expect(refused).rejects.toThrow('not 0');
    expect(await parked()).toHaveLength(2);
    expect(tracking.seen.get(key)).toBeUndefined();
  }, 20_000);

  it('keep the order of what arrives during a replay', async () => {
    await parkTwo();
    tracking.refused.clear();
    tracking.before = async ({ number }) => {
      if (number !== 0) return;
      await publish(2);
      await untilParked(3);
    };

    const count = await replay();

    expect(count).toBe(3);
    expect(tracking.seen.get(key)).toEqual([0, 1, 2]);
    expect(await parked()).toEqual([]);
  }, 20_000);

  it('leave nothing behind when messages arrive as a replay ends', async () => {
    await parkTwo();
    tracking.refused.clear();
    const numbers = Array.from({ length: 200 }, (_, index) => index + 2);
    const publishing = (async () => {
      const sent: Promise<void>[] = [];
      for (const number of numbers) {
        sent.push(publish(number));
        await sleep(2);
      }
      await Promise.all(sent);
    })();

    await replay();
    await publishing;
    while ((tracking.seen.get(key)?.length ?? 0) + (await parked()).length < 202) await sleep(20);

    expect(await parked()).toEqual([]);
    expect(tracking.seen.get(key)).toEqual([0, 1, ...numbers]);
  }, 30_000);

  it('are shown whole', async () => {
    await parkTwo();
    const [first] = await parked();

    const shown = await letters.find(first?.sequence ?? '');

    expect(shown).toMatchObject({ topic, key, error: 'Error: not 0', headers: { name: wireName(Happened.contract) } });
    expect(JSON.parse(shown?.body ?? '')).toEqual({ key, number: 0 });
    expect(await letters.find('999999999')).toBeNull();
  }, 20_000);

  it('are replayed by the running service when somebody asks for it in the database', async () => {
    await parkTwo();
    tracking.refused.clear();
    const [first] = await parked();

    const asked = await letters.requestReplay(first?.sequence ?? '');
    while ((await letters.replayState(asked)).left > 0) await sleep(20);

    expect(asked).toHaveLength(2);
    expect(tracking.seen.get(key)).toEqual([0, 1]);
    expect(await parked()).toEqual([]);
  }, 20_000);

  it('keep the new error when what was asked for is refused, and wait for nobody then', async () => {
    await parkTwo();
    tracking.before = () => Promise.reject(new Error('still not'));
    const [first] = await parked();

    const asked = await letters.requestReplay(first?.sequence ?? '');
    while (!(await letters.replayState(asked)).refused) await sleep(20);

    expect(await letters.replayState(asked)).toEqual({ left: 2, refused: true, error: 'Error: still not' });
    expect(await parked()).toMatchObject([
      { error: 'Error: still not', replayRequestedAt: null },
      { error: null, replayRequestedAt: null },
    ]);
    expect(tracking.seen.get(key)).toBeUndefined();
  }, 20_000);

  it('are not replayed by two instances at once', async () => {
    await parkTwo();
    tracking.refused.clear();
    let others = 0;
    tracking.before = async () => {
      await letters.replayRequested(async () => {
        others += 1;
      });
      await expect(replay()).rejects.toThrow('is being replayed by another instance');
    };
    const [first] = await parked();
    const asked = await letters.requestReplay(first?.sequence ?? '');

    while ((await letters.replayState(asked)).left > 0) await sleep(20);

    expect(others).toBe(0);
    expect(tracking.seen.get(key)).toEqual([0, 1]);
  }, 20_000);

  it('are dropped one by one', async () => {
    await parkTwo();
    const [first] = await parked();

    await letters.drop(first?.sequence ?? '');
    const left = await parked();
    await replay();

    expect(left).toMatchObject([{ key, error: null }]);
    expect(tracking.seen.get(key)).toEqual([1]);
    expect(await parked()).toEqual([]);
  }, 20_000);
}

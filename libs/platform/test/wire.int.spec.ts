import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Injectable, Module } from '@nestjs/common';
import { AppError, command, event, type EventClass, IntegerField, query, TextField, wireName } from '@qa-pms/contracts';
import {
  bootService,
  BackgroundJobs,
  Configuration,
  createRuntime,
  currentContext,
  DeadLetterStore,
  defineService,
  deadLetterTopic,
  type EventEnvelope,
  Handle,
  HandleTogether,
  InProcessWire,
  MessageBus,
  requireUser,
  type RunningService,
  type Runtime,
  SYSTEM,
  topicDefinitions,
  topicName,
} from '@qa-pms/platform';
import { createTopics } from '@qa-pms/testing';
import { describeWithKafka } from '@qa-pms/testing/jest';

class Echo {
  @TextField({ description: 'What was said.', max: 1000, min: 0 })
  said!: string;
}
class Ask extends query({ service: 'workflow', name: 'ask', reply: Echo, permission: 'tickets:read' }) {
  @TextField({ description: 'What to say, or what to do.', max: 1000 })
  say!: string;
}
class Whisper extends query({ service: 'workflow', name: 'whisper', reply: Echo, confidential: true }) {
  @TextField({ description: 'What nobody else may read.', max: 1000 })
  secret!: string;
}
class Append extends command({ service: 'workflow', name: 'append', reply: Echo, key: 'list' }) {
  @TextField({ description: 'The list.', max: 100 })
  list!: string;
  @IntegerField({ description: 'What is appended.' })
  value!: number;
}
class Keep extends command({ service: 'workflow', name: 'keep', reply: Echo, key: 'list', isPersonal: true }) {
  @TextField({ description: 'The list.', max: 100 })
  list!: string;
  @IntegerField({ description: 'What is kept.' })
  value!: number;
  @IntegerField({ description: 'How many the list holds before it is kept.', min: 0 })
  after!: number;
}
class Happened extends event({ service: 'workflow', name: 'happened', key: 'key' }) {
  @TextField({ description: 'Whose.', max: 100 })
  key!: string;
  @IntegerField({ description: 'Which.' })
  number!: number;
  @TextField({ description: 'More of it.', max: 10_000_000, optional: true })
  text?: string;
}

/** As `Happened`; its handler takes several. */
class Gathered extends event({ service: 'workflow', name: 'gathered', key: 'key' }) {
  @TextField({ description: 'Whose.', max: 100 })
  key!: string;
  @IntegerField({ description: 'Which.' })
  number!: number;
}

/** What the toy service has seen; shared by its instances, as a database would be. */
const lists = new Map<string, number[]>();
const seen = new Map<string, number[]>();
const attempts = new Map<string, number>();
const faults = new Map<string, 'refuse' | 'outage' | 'refuse once'>();
/** Numbers of each call that was made with several events, and the messages that its context named. */
const calls = new Map<string, { numbers: number[]; messages: number }[]>();
const dead: { event: EventEnvelope; error: string | null }[] = [];

@Controller()
class ToyMessages {
  @Handle(Ask)
  async ask({ say }: Ask): Promise<Echo> {
    if (say === 'refuse') throw new AppError('TICKET_NOT_FOUND', { key: 'DEMO-1' });
    if (say === 'crash') throw new Error('a secret that nobody may see');
    if (say === 'outage') throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    if (say === 'who') return { said: requireUser().userId };
    if (say === 'sleep') await sleep(1_000);
    if (say.startsWith('long ')) return { said: 'x'.repeat(Number(say.slice(5))) };
    return { said: say };
  }

  @Handle(Whisper)
  whisper({ secret }: Whisper): Echo {
    return { said: secret.toUpperCase() };
  }

  @Handle(Append)
  async append({ list, value }: Append): Promise<Echo> {
    // Later commands are faster: only the order of the key keeps them behind.
    await sleep(Math.max(0, 20 - value));
    lists.set(list, [...(lists.get(list) ?? []), value]);
    return { said: String(value) };
  }

  @Handle(Keep)
  async keep({ list, value, after }: Keep): Promise<Echo> {
    await until(() => (lists.get(list)?.length ?? 0) >= after);
    lists.set(list, [...(lists.get(list) ?? []), value]);
    return { said: String(value) };
  }

  @Handle(Happened)
  happened({ key, number }: Happened): void {
    const name = `${key}#${String(number)}`;
    const attempt = (attempts.get(name) ?? 0) + 1;
    attempts.set(name, attempt);
    const fault = faults.get(name);
    if (fault === 'refuse') throw new Error('not this one');
    if (fault === 'refuse once' && attempt === 1) throw new Error('not at first');
    if (fault === 'outage' && attempt <= 5) throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'database' });
    seen.set(key, [...(seen.get(key) ?? []), number]);
  }
}

@Controller()
class GatheringMessages {
  @HandleTogether(Gathered)
  async gathered(events: Gathered[]): Promise<void> {
    const { key } = events[0]!;
    const numbers = events.map(({ number }) => number);
    // The others come meanwhile.
    if (numbers.includes(0)) await sleep(500);
    const names = numbers.map((number) => `${key}#${String(number)}`);
    for (const name of names) attempts.set(name, (attempts.get(name) ?? 0) + 1);
    if (names.some((name) => faults.get(name) === 'refuse')) throw new Error('not all of these');
    const { messageId, otherMessageIds = [] } = currentContext();
    const call = { numbers, messages: new Set([messageId, ...otherMessageIds]).size };
    calls.set(key, [...(calls.get(key) ?? []), call]);
    seen.set(key, [...(seen.get(key) ?? []), ...numbers]);
  }
}

@Injectable()
class MemoryDeadLetters extends DeadLetterStore {
  async follow(event: EventEnvelope): Promise<boolean> {
    const isParked = await this.isParked(event);
    if (isParked) dead.push({ event, error: null });
    return isParked;
  }
  isParked(event: EventEnvelope): Promise<boolean> {
    return Promise.resolve(dead.some((letter) => letter.event.key === event.key));
  }
  park(event: EventEnvelope, error: Error): Promise<void> {
    dead.push({ event, error: error.message });
    return Promise.resolve();
  }
  replayRequested(): Promise<void> {
    return Promise.resolve();
  }
}

@Module({
  controllers: [ToyMessages, GatheringMessages],
  providers: [{ provide: DeadLetterStore, useClass: MemoryDeadLetters }, BackgroundJobs],
})
class ToyModule {}

const toy = defineService({
  name: 'workflow',
  module: ToyModule,
  settings: [],
  database: { schema: 'none', entities: [], migrations: [] },
});

const prefix = `t${randomUUID().slice(0, 8)}.`;
const tester = {
  ...SYSTEM,
  userId: 'u1',
  displayName: 'Ünï – 名',
  system: false,
  permissions: ['tickets:read' as const],
};

function envelope(topicPrefix: string, payload: Happened, { contract }: EventClass = Happened): EventEnvelope {
  const id = randomUUID();
  return {
    topic: topicName(topicPrefix, 'workflow', 'events'),
    key: payload.key,
    headers: { name: wireName(contract), id, 'request-id': id },
    body: JSON.stringify(payload),
  };
}

async function until(condition: () => boolean, milliseconds = 15_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition() && Date.now() < end) await sleep(20);
}

describe('messages in process', () => {
  contract(() => '');
});

describeWithKafka('messages over Kafka', (kafka) => {
  contract(() => kafka().brokers);

  it('holds back what follows an event that its topic refuses, and lets other keys pass', async () => {
    const [environment, topic] = [{ ENCRYPTION_KEY: 'ab'.repeat(32), LOG_LEVEL: 'silent' }, `${prefix}small`];
    const { wire } = createRuntime(
      Configuration.fromEnvironment({ ...environment, KAFKA_BROKERS: kafka().brokers, KAFKA_TOPIC_PREFIX: prefix }),
      'small',
    );
    await createTopics(kafka().brokers, [{ topic, configEntries: [{ name: 'max.message.bytes', value: '200000' }] }]);
    const events = [
      { key: 'one', number: 0, text: 'x'.repeat(300_000) },
      { key: 'one', number: 1 },
      // Together they are too many, each by itself is not.
      ...Array.from({ length: 10 }, (_, number) => ({ key: 'two', number, text: 'x'.repeat(50_000) })),
    ].map((payload) => ({ ...envelope(prefix, payload), topic }));

    const outcomes = await Promise.allSettled(wire.publish(events));
    await wire.close();

    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['rejected', 'rejected'],
      ...Array.from({ length: 10 }, () => 'fulfilled'),
    ]);
  }, 30_000);
});

/** What both wires must do alike. */
function contract(brokers: () => string): void {
  let runtime: Runtime;
  let service: RunningService;
  let bus: MessageBus;
  let topics = '';
  const place = (payload: Happened): EventEnvelope => envelope(topics, payload);

  beforeAll(async () => {
    const kafka = brokers();
    topics = kafka === '' ? '' : prefix;
    for (const memory of [lists, seen, attempts, faults, calls]) memory.clear();
    dead.length = 0;
    const environment = {
      ENCRYPTION_KEY: 'ab'.repeat(32),
      LOG_LEVEL: 'silent',
      KAFKA_BROKERS: kafka,
      KAFKA_TOPIC_PREFIX: topics,
    };
    if (kafka !== '') {
      const settings = { topicPrefix: topics, replication: 1, minInSync: 1 };
      const consumers = [{ consumer: 'workflow' as const, sources: ['workflow' as const] }];
      await createTopics(kafka, topicDefinitions(settings, ['workflow'], consumers));
    }
    runtime = createRuntime(Configuration.fromEnvironment(environment), 'toy');
    service = await bootService(toy, runtime);
    if (runtime.wire instanceof InProcessWire) runtime.wire.allServing();
    bus = service.app.get(MessageBus);
  }, 60_000);

  afterAll(async () => {
    await service.app.close();
    await runtime.wire.close();
  }, 30_000);

  it('answers a request in the context of its caller', async () => {
    const reply = await bus.request(Ask, { say: 'who' }, { caller: tester });

    expect(reply).toEqual({ said: 'u1' });
  });

  it('carries what is confidential encrypted, both ways', async () => {
    const carried: string[] = [];
    const request = jest.spyOn(runtime.wire, 'request');
    const reply = await bus.request(Whisper, { secret: 'open sesame' }, { caller: tester });
    for (const [, , { body }] of request.mock.calls) carried.push(body);
    for (const { value } of request.mock.results) carried.push((await (value as Promise<{ body: string }>)).body);
    request.mockRestore();

    expect(reply).toEqual({ said: 'OPEN SESAME' });
    expect(carried).toEqual([expect.stringMatching(/^enc:v1:/), expect.stringMatching(/^enc:v1:/)]);
  });

  it('hands an error with its facts to the caller', async () => {
    const refusal = bus.request(Ask, { say: 'refuse' }, { caller: tester });

    await expect(refusal).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND', details: { key: 'DEMO-1' } });
  });

  it('tells nothing of an unexpected fault', async () => {
    const refusal = bus.request(Ask, { say: 'crash' }, { caller: tester });

    await expect(refusal).rejects.toMatchObject({ code: 'INTERNAL_ERROR', details: {} });
  });

  it('answers a fault of the infrastructure at once with 503', async () => {
    const refusal = bus.request(Ask, { say: 'outage' }, { caller: tester });

    await expect(refusal).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', details: { upstream: 'database' } });
  });

  it('refuses a payload that is not legal', async () => {
    const refusal = bus.request(Ask, { say: '' }, { caller: tester });

    await expect(refusal).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { violations: [{ path: 'say' }] },
    });
  });

  it('refuses a caller without the permission', async () => {
    const refusal = bus.request(Ask, { say: 'hello' }, { caller: { ...tester, permissions: [] } });

    await expect(refusal).rejects.toMatchObject({ code: 'FORBIDDEN', details: { permission: 'tickets:read' } });
  });

  it('ends at the deadline and names who was late', async () => {
    const refusal = bus.request(Ask, { say: 'sleep' }, { caller: tester, timeoutMs: 200 });

    await expect(refusal).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', details: { upstream: 'workflow' } });
  });

  it('answers many requests at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, index) => bus.request(Ask, { say: `n${String(index)}` }, { caller: tester })),
    );

    expect(replies.map(({ said }) => said)).toEqual(Array.from({ length: 200 }, (_, index) => `n${String(index)}`));
  });

  it('carries replies of 8 MB, and tells of one that is larger', async () => {
    const { said } = await bus.request(Ask, { say: 'long 7999000' }, { caller: tester });
    const larger = bus.request(Ask, { say: 'long 8000000' }, { caller: tester });

    expect(said).toHaveLength(7_999_000);
    await expect(larger).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE', details: { limitBytes: 8_000_000 } });
  });

  it('answers many long requests at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => bus.request(Ask, { say: 'long 400000' }, { caller: tester })),
    );

    expect(replies.every(({ said }) => said.length === 400_000)).toBe(true);
  });

  it('handles commands of one key in their order', async () => {
    const values = Array.from({ length: 20 }, (_, index) => index);

    await Promise.all(values.map((value) => bus.request(Append, { list: 'ordered', value }, { caller: tester })));

    expect(lists.get('ordered')).toEqual(values);
  });

  it('handles commands of a personal key in the order of each person, and lets others pass', async () => {
    const keep = (caller: typeof tester, value: number, after = 0) =>
      bus.request(Keep, { list: 'personal', value, after }, { caller });

    // The first goes on once that of somebody else has passed it.
    await Promise.all([keep(tester, 1, 1), keep(tester, 2), keep({ ...tester, userId: 'somebody else' }, 0)]);

    expect(lists.get('personal')).toEqual([0, 1, 2]);
  });

  it('delivers events of one key in their order', async () => {
    const numbers = Array.from({ length: 50 }, (_, index) => index);

    await Promise.all(runtime.wire.publish(numbers.map((number) => place({ key: 'a', number }))));
    await until(() => seen.get('a')?.length === 50);

    expect(seen.get('a')).toEqual(numbers);
  });

  it('delivers large events of one key in their order', async () => {
    const sizes = [10, 4_000_000, ...Array.from({ length: 12 }, () => 800_000), 10];

    await Promise.all(
      runtime.wire.publish(sizes.map((size, number) => place({ key: 'large', number, text: 'x'.repeat(size) }))),
    );
    await until(() => seen.get('large')?.length === sizes.length);

    expect(seen.get('large')).toEqual(sizes.map((_size, number) => number));
  });

  describe('to a handler that takes several', () => {
    const gather = (key: string, numbers: number[]): Promise<void>[] =>
      runtime.wire.publish(numbers.map((number) => envelope(topics, { key, number }, Gathered)));

    it('hand over in one call what has come of a key meanwhile, in its order', async () => {
      const numbers = Array.from({ length: 30 }, (_, index) => index);

      await Promise.all([...gather('f', numbers), ...gather('g', [1])]);
      await until(() => seen.get('f')?.length === 30);

      expect(seen.get('f')).toEqual(numbers);
      const sizes = calls.get('f')?.map((call) => call.numbers.length) ?? [];
      expect(Math.max(...sizes)).toBe(20);
      expect(calls.get('f')?.map(({ messages }) => messages)).toEqual(sizes);
      expect(calls.get('g')).toEqual([{ numbers: [1], messages: 1 }]);
    });

    it('hand over each by itself where together they are refused, and do nothing twice', async () => {
      faults.set('h#3', 'refuse');

      const sent = gather('h', [0, 1, 2, 3, 4]);
      await Promise.all([...sent, until(() => dead.filter(({ event: { key } }) => key === 'h').length === 2)]);

      expect(seen.get('h')).toEqual([0, 1, 2]);
      expect(dead.filter(({ event: { key } }) => key === 'h').map(({ error }) => error)).toEqual([
        'not all of these',
        null,
      ]);
    }, 20_000);
  });

  it('takes an event of a later version, which has fields that are not known here', async () => {
    await Promise.all(runtime.wire.publish([place({ key: 'later', number: 1, mood: 'good' } as Happened)]));
    await until(() => seen.has('later') || dead.some(({ event }) => event.key === 'later'));

    expect(seen.get('later')).toEqual([1]);
  });

  it('tries an event again and keeps the order of its key meanwhile', async () => {
    faults.set('b#0', 'refuse once');

    const sent = runtime.wire.publish([0, 1].map((number) => place({ key: 'b', number })));
    await Promise.all([...sent, until(() => seen.get('b')?.length === 2)]);

    expect(seen.get('b')).toEqual([0, 1]);
    expect(attempts.get('b#0')).toBe(2);
  });

  it('waits out a fault of the infrastructure without parking anything', async () => {
    faults.set('c#0', 'outage');

    const sent = runtime.wire.publish([place({ key: 'c', number: 0 })]);
    await Promise.all([...sent, until(() => seen.get('c') !== undefined)]);

    expect(seen.get('c')).toEqual([0]);
    expect(dead.filter(({ event }) => event.key === 'c')).toEqual([]);
  });

  it('parks a key behind a message that cannot be handled, and lets other keys pass', async () => {
    faults.set('d#0', 'refuse');

    const sent = runtime.wire.publish([
      place({ key: 'd', number: 0 }),
      place({ key: 'd', number: 1 }),
      place({ key: 'e', number: 0 }),
    ]);
    await Promise.all([...sent, until(() => dead.filter(({ event }) => event.key === 'd').length === 2)]);

    expect(seen.get('e')).toEqual([0]);
    expect(seen.get('d')).toBeUndefined();
    const letters = dead
      .filter(({ event }) => event.key === 'd')
      .map(({ event, error }) => [JSON.parse(event.body) as unknown, error]);
    expect(letters).toEqual([
      [{ key: 'd', number: 0 }, 'not this one'],
      [{ key: 'd', number: 1 }, null],
    ]);
    expect(attempts.get('d#0')).toBe(4);
  }, 20_000);
}

describe('topics', () => {
  it('name the dead letters after topic and consumer', () => {
    expect(deadLetterTopic('qa.workflow.events', 'tracking')).toBe('qa.workflow.events.tracking.dead');
  });
});

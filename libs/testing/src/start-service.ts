import { type EventClass, keyOf, type ReplyOf, type RequestClass, type ServiceName, wireName } from '@qa-pms/contracts';
import {
  bootService,
  type Caller,
  Configuration,
  createRuntime,
  eventHeaders,
  type EventEnvelope,
  InProcessWire,
  MessageBus,
  type RequestOptions,
  type RunningService,
  SYSTEM,
  type ServiceDefinition,
  topicName,
} from '@qa-pms/platform';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { serveStubs, type Stub } from './stub.js';

/** Longest that published events may take to leave the outbox. */
const OUTBOX_LIMIT_MS = 10_000;

type Token<T> = abstract new (...args: never[]) => T;

/** A service that runs in the test's process. */
export interface TestService {
  /** Sends a request as another service would. Throws its AppError. */
  request<C extends RequestClass>(
    message: C,
    payload: InstanceType<C>,
    options: RequestOptions & { caller: Caller },
  ): Promise<ReplyOf<C>>;
  /** Payloads of an event that the service has published so far; waits until its outbox is empty. */
  published<E extends EventClass>(event: E): Promise<InstanceType<E>[]>;
  /**
   * Delivers an event and waits until it is handled. Throws when it went to the dead letters.
   * The same `messageId` twice is a redelivery.
   */
  deliver<E extends EventClass>(
    event: E,
    payload: InstanceType<E>,
    options?: { projectId?: string | null; messageId?: string },
  ): Promise<void>;
  /** A provider of the service. */
  get<T>(token: Token<T>): T;
  /** Its HTTP routes: `http.inject({ method: 'GET', url: '/health' })`. */
  http: RunningService['http'];
  stop: () => Promise<void>;
}

/** How a service is started for a test. */
export interface StartServiceOptions {
  /** Address of its database; left out where it has none. Its migrations are run. */
  databaseUrl?: string;
  /** Further settings by the names of their environment variables. */
  settings?: Record<string, string>;
  /** What answers its requests to other services. Without one they fail with UPSTREAM_UNAVAILABLE. */
  stubs?: Stub[];
}

/** Starts a service with its real module and the transport of one process. The test's environment is not read. */
export async function startService(
  service: ServiceDefinition,
  options: StartServiceOptions = {},
): Promise<TestService> {
  const runtime = createRuntime(
    Configuration.fromEnvironment({
      ENCRYPTION_KEY: '00'.repeat(32),
      LOG_LEVEL: 'silent',
      DATABASE_MIGRATE_ON_START: 'true',
      DATABASE_POOL_MIN: '0',
      DATABASE_POOL_MAX: '4',
      ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
      ...options.settings,
    }),
    service.name,
  );
  const { wire } = runtime;
  if (!(wire instanceof InProcessWire)) throw new Error('KAFKA_BROKERS must not be set here: start the real process.');
  await serveStubs(wire, options.stubs ?? []);
  const events = await recordEvents(wire, service.name);
  const running = await bootService(service, runtime);
  wire.allServing();
  const { app } = running;

  return {
    request: (message, payload, requestOptions) =>
      app.get(MessageBus, { strict: false }).request(message, payload, requestOptions),
    published: async (event) => {
      await untilOutboxEmpty(running, service);
      return payloadsOf(events, event);
    },
    deliver: async (event, payload, { projectId = null, messageId = uuidv7() } = {}) => {
      const { contract } = event;
      const context = { messageId, requestId: messageId, deadline: null, idempotencyHash: null };
      const caller = { ...SYSTEM, projectId };
      const envelope: EventEnvelope = {
        topic: topicName('', contract.service, 'events'),
        key: keyOf(contract, payload),
        headers: eventHeaders(wireName(contract), messageId, { ...context, caller }),
        body: JSON.stringify(payload),
      };
      await Promise.all(wire.publish([envelope]));
      await throwIfDead(running, service, messageId);
    },
    get: (token) => app.get(token, { strict: false }),
    http: running.http,
    stop: async () => {
      await app.close();
      await wire.close();
    },
  };
}

function payloadsOf<E extends EventClass>(events: EventEnvelope[], event: E): InstanceType<E>[] {
  const name = wireName(event.contract);
  const own = events.filter(({ headers }) => headers['name'] === name);
  return own.map(({ body }) => JSON.parse(body) as InstanceType<E>);
}

async function recordEvents(wire: InProcessWire, source: ServiceName): Promise<EventEnvelope[]> {
  const events = new Map<string, EventEnvelope>();
  const list: EventEnvelope[] = [];
  await wire.serve({
    // A consumer beside the real ones; nobody sends requests to it.
    service: 'test recorder' as ServiceName,
    requestTopics: [],
    eventSources: [source],
    request: () => Promise.resolve(null),
    event: (envelope) => {
      const id = envelope.headers['id'] ?? '';
      // The outbox may deliver one again until every consumer has it.
      if (!events.has(id)) list.push(envelope);
      events.set(id, envelope);
      return Promise.resolve();
    },
  });
  return list;
}

async function untilOutboxEmpty({ app }: RunningService, { database }: ServiceDefinition): Promise<void> {
  if (!database) return;
  const dataSource = app.get(DataSource, { strict: false });
  const limit = Date.now() + OUTBOX_LIMIT_MS;
  for (;;) {
    const rows = await dataSource.query<unknown[]>(`SELECT 1 FROM ${database.schema}.outbox_messages LIMIT 1`);
    if (rows.length === 0) return;
    if (Date.now() > limit) throw new Error(`Events are still in the outbox after ${OUTBOX_LIMIT_MS / 1000} s.`);
    await sleep(10);
  }
}

async function throwIfDead({ app }: RunningService, { database }: ServiceDefinition, id: string): Promise<void> {
  if (!database) return;
  const rows = await app
    .get(DataSource, { strict: false })
    .query<{ error: string | null }[]>(`SELECT error FROM ${database.schema}.dead_letters WHERE message_id = $1`, [id]);
  if (rows[0])
    throw new Error(`The event went to the dead letters: ${rows[0].error ?? 'an earlier one of its key is there'}`);
}

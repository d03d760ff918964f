import { AppError, type MessageKind, type ServiceName } from '@qa-pms/contracts';
import { CompressionTypes, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import type { Logger } from 'pino';
import { SettingsError } from '../configuration/settings-error.js';
import { type Log, logFor } from '../log.js';
import type { Envelope, EventEnvelope, ReplyEnvelope } from '../messaging/envelope.js';
import type { Inbound, Serving, Wire } from '../messaging/wire.js';
import { explainKafka, kafkaClientOptions } from './kafka-client.js';
import type { KafkaSettings } from './kafka.settings.js';
import { tlsOptions } from '../tls.js';
import { chunks, isTooLarge } from './chunks.js';
import { GroupConsumer, type Received } from './group-consumer.js';
import { kafkaFailed, kafkaSent } from './kafka-metrics.js';
import { cutOff, ReplyReader } from './reply-reader.js';
import { RequestSender } from './request-sender.js';
import { isReplyPartition, repliesTopic, topicName } from './topics.js';

export interface KafkaWireOptions {
  settings: KafkaSettings;
  /** Unique and lasting: a restart under the same name takes over at once. */
  instanceId: string;
  logger: Logger;
}

/** Short waits, so that a broker that comes back is found within a second. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000 };
/** Some 1.5 s, which a leader may take to move. */
const REQUEST_RETRIES = 4;
/** Some 10 s, as long as callers wait by default: without its answer they would wait in vain while a leader moves. */
const ANSWER_RETRIES = 12;

interface WaitingEvent {
  event: EventEnvelope;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Messages between processes, over Kafka. */
export class KafkaWire implements Wire {
  readonly publishesInOrder = false;
  private readonly kafka: Kafka;
  private readonly client: ReturnType<typeof kafkaClientOptions>;
  private readonly clientId: string;
  private readonly log: Log;
  private readonly prefix: string;
  private readonly replies: ReplyReader;
  private readonly requests: RequestSender;
  private readonly answers: RequestSender;
  private readonly events: Producer;
  private readonly consumers: GroupConsumer[] = [];
  private connected: Promise<void> | null = null;
  private isToldTooLarge = false;

  constructor(private readonly options: KafkaWireOptions) {
    const { settings, instanceId, logger } = options;
    this.log = logFor(logger, 'kafka');
    this.prefix = settings.topicPrefix;
    this.clientId = `qa-pms.${instanceId}`;
    this.client = kafkaClientOptions(settings);
    this.kafka = new Kafka({
      clientId: this.clientId,
      ...this.client,
      connectionTimeout: 2_000,
      requestTimeout: 10_000,
      // Also how long it takes to notice that no broker can be reached, some 300 ms: until then requests wait.
      retry: { ...RETRY, retries: 2 },
      logLevel: logLevel.WARN,
      logCreator:
        () =>
        ({ namespace, level, log }) => {
          const { message, ...facts } = log;
          // kafkajs repeats what its callers are told as well: only they know whether it matters.
          this.log.debug({ namespace, level, detail: message, error: facts['error'] as unknown }, 'kafkajs');
        },
    });
    const producer = (retries: number): Producer =>
      this.kafka.producer({
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        metadataMaxAge: 10_000,
        retry: { ...RETRY, retries },
      });
    this.requests = new RequestSender(producer(REQUEST_RETRIES), this.log);
    this.answers = new RequestSender(producer(ANSWER_RETRIES), this.log);
    this.events = producer(5);
    this.replies = new ReplyReader({
      kafka: this.kafka,
      clientId: this.clientId,
      topic: repliesTopic(this.prefix),
      instanceId,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      log: this.log,
    });
  }

  async request(target: ServiceName, kind: MessageKind, envelope: Envelope): Promise<ReplyEnvelope> {
    await this.connect();
    // What is known to be in vain is refused at once: its caller would wait for seconds, and a command might be done.
    if (this.replies.isCutOff) throw cutOff();
    const { correlation, reply, forget } = this.replies.expect(Number(envelope.headers['deadline']));
    const headers = { ...envelope.headers, 'reply-to': String(this.replies.partition), correlation };
    const topic = topicName(this.prefix, target, kind === 'query' ? 'queries' : 'commands');
    const sent = this.requests.send({ topic, key: envelope.key, headers, body: envelope.body });
    // The reply also rejects when no broker is left, sooner than sending gives up.
    const failed = new Promise<never>((_resolve, reject) => {
      sent.catch((error: unknown) => {
        forget();
        reject(cutOff(error));
      });
    });
    return Promise.race([reply, failed]);
  }

  async serve(inbound: Inbound): Promise<Serving> {
    await this.connect();
    const { service } = inbound;
    const answer = (received: Received): Promise<void> => this.answer(inbound, received);
    const groups = inbound.requestTopics.map((kind) =>
      this.group(service, kind, [topicName(this.prefix, service, kind)], answer),
    );
    if (inbound.eventSources.length > 0) {
      const topics = inbound.eventSources.map((source) => topicName(this.prefix, source, 'events'));
      groups.push(this.group(service, 'events', topics, (received) => inbound.event(received)));
    }
    this.consumers.push(...groups);
    await Promise.all(groups.map((group) => group.start()));
    return {
      notReady: () => groups.map((group) => group.notReady()).find((missing) => missing !== null) ?? null,
      drain: async () => {
        await Promise.all(groups.map((group) => group.stop()));
        await this.answers.drained();
      },
    };
  }

  publish(events: EventEnvelope[]): Promise<void>[] {
    const waiting: WaitingEvent[] = [];
    const published = events.map(
      (event) =>
        new Promise<void>((resolve, reject) => {
          waiting.push({ event, resolve, reject });
        }),
    );
    void this.sendEvents(waiting);
    return published;
  }

  /** New connections use the certificates that a reload has read: kafkajs looks at these options for each. */
  renewTls(): void {
    if (this.client.ssl) Object.assign(this.client.ssl, tlsOptions(this.options.settings));
  }

  notReady(): string | null {
    return this.replies.notReady();
  }

  async close(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    await this.replies.stop();
    await Promise.allSettled([this.requests.close(), this.answers.close(), this.events.disconnect()]);
  }

  private group(
    service: ServiceName,
    kind: 'queries' | 'commands' | 'events',
    topics: string[],
    handle: (received: Received) => Promise<void>,
  ): GroupConsumer {
    return new GroupConsumer({
      kafka: this.kafka,
      clientId: this.clientId,
      groupId: `${this.prefix}qa.${service}.${kind}`,
      topics,
      sessionTimeoutMs: this.options.settings.sessionTimeoutMs,
      handle,
      log: this.log,
    });
  }

  private async answer(inbound: Inbound, received: Received): Promise<void> {
    const { correlation, 'reply-to': replyTo } = received.headers;
    const reply = await inbound.request(received);
    const partition = Number(replyTo);
    if (!reply || !correlation || !isReplyPartition(partition)) return;
    // By then its caller has ended at the deadline.
    await this.answers
      .send({
        topic: repliesTopic(this.prefix),
        key: null,
        partition,
        headers: { correlation, ok: reply.ok ? '1' : '0' },
        body: reply.body,
      })
      .catch((error: unknown) => {
        this.log.warn({ err: error }, 'reply could not be sent');
      });
  }

  /** One chunk after the other: what follows one that was not taken waits, where it may. */
  private async sendEvents(waiting: WaitingEvent[]): Promise<void> {
    const held = new Set<string | null>();
    let fault: Error | null = null;
    const queue = chunks(waiting, ({ event: { body, headers } }) => ({ value: body, headers }));
    for (let some = queue.shift(); some; some = queue.shift()) {
      const due = some.filter(({ event }) => !held.has(event.key));
      for (const { event, reject } of some) if (held.has(event.key)) reject(new Error('An older event was not taken.'));
      try {
        if (fault !== null) throw fault;
        await this.connect();
        if (due.length > 0) await this.sendChunk(due.map(({ event }) => event));
        kafkaSent.inc({ service: 'kafka' }, due.length);
        for (const { resolve } of due) resolve();
      } catch (error) {
        const isRefused = isTooLarge(error);
        if (isRefused && due.length > 1) {
          // Each by itself may be taken.
          queue.unshift(...due.map((one) => [one]));
          continue;
        }
        kafkaFailed.inc({ service: 'kafka' }, due.length);
        if (isRefused) this.tellTooLarge(due);
        // Without a broker the others need not be tried.
        else fault = error as Error;
        for (const { event, reject } of due) {
          held.add(event.key);
          reject(isRefused ? new AppError('CONTENT_TOO_LARGE') : error);
        }
      }
    }
  }

  private async sendChunk(events: EventEnvelope[]): Promise<void> {
    const topics = Map.groupBy(events, ({ topic }) => topic);
    await this.events.sendBatch({
      // -1: every in-sync replica has it before the row leaves the outbox.
      acks: -1,
      compression: CompressionTypes.None,
      topicMessages: [...topics].map(([topic, group]) => ({
        topic,
        messages: group.map(({ key, headers, body }) => ({ key, headers, value: body })),
      })),
    });
  }

  /** Once: the outbox offers them again and again. */
  private tellTooLarge([first]: WaitingEvent[]): void {
    if (this.isToldTooLarge || !first) return;
    this.isToldTooLarge = true;
    const { topic, key, body } = first.event;
    const facts = { topic, key, bytes: Buffer.byteLength(body), remedy: 'run `qa-pms topics create`' };
    this.log.error(facts, 'topic takes no events of this size');
  }

  private connect(): Promise<void> {
    this.connected ??= this.open().catch((error: unknown) => {
      this.connected = null;
      const explained = explainKafka(error, this.options.settings);
      if (explained instanceof SettingsError) throw explained;
      throw cutOff(error);
    });
    return this.connected;
  }

  private async open(): Promise<void> {
    await Promise.all([this.requests.connect(), this.answers.connect(), this.events.connect()]);
    await this.replies.start();
  }
}

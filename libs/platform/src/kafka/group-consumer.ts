import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage, PartitionAssigner } from 'kafkajs';
import type { Log } from '../log.js';
import type { EventEnvelope } from '../messaging/envelope.js';
import { framesOf } from './frames.js';
import { kafkaLag } from './kafka-metrics.js';
import { Progress } from './progress.js';
import { removeDeadPredecessors } from './predecessors.js';

/** A record as it came in. */
export type Received = EventEnvelope;

interface GroupConsumerOptions {
  kafka: Kafka;
  /** The unique client id of `kafka`, which keeps it to itself. */
  clientId: string;
  groupId: string;
  topics: string[];
  sessionTimeoutMs: number;
  assigner?: PartitionAssigner;
  /** Must not reject for what is the message's fault: a record whose handling rejects is delivered again. */
  handle: (received: Received) => Promise<void>;
  /** The broker could not be reached, with all retries: nothing arrives until the consumer has joined again. */
  onCutOff?: () => void;
  log: Log;
}

/** Messages in hand before no more are fetched. */
const IN_HAND = 1_000;
const HEARTBEAT_MS = 200;
/** Longest that a fetch waits for records. With 100 the services of an idle installation took a tenth of a core. */
const FETCH_WAIT_MS = 300;
/** How often finished offsets are committed. */
const COMMIT_MS = 500;
/** A consumer that was not heard of for so long is replaced. */
const SILENT_MS = 30_000;

/**
 * A member of a consumer group that hands out every record at once: whoever handles them keeps the order of keys. The
 * committed offset is never ahead of unfinished work, so that a crash loses nothing.
 */
export class GroupConsumer {
  private consumer: Consumer | null = null;
  private assigned = false;
  private crashed = false;
  private stopped = false;
  private heard = Date.now();
  private askedAt = Date.now();
  private readonly progress = new Progress();
  private inHand = 0;
  private readonly dead = new WeakSet<Consumer>();
  /** Partitions whose lag was told. */
  private readonly lagging = new Map<string, { topic: string; partition: number }>();
  private timers: NodeJS.Timeout[] = [];

  constructor(private readonly options: GroupConsumerOptions) {}

  /** Resolved when it has joined its group with partitions; it tries until then, or until stopped. */
  async start(): Promise<void> {
    await this.connect();
    this.timers = [
      setInterval(() => void this.commit(), COMMIT_MS).unref(),
      setInterval(() => void this.watch(), SILENT_MS / 3).unref(),
    ];
    while (!this.assigned && !this.stopped) await sleep(10);
  }

  /** Null when records arrive; else what is missing. */
  notReady(): string | null {
    const { groupId, sessionTimeoutMs } = this.options;
    if (!this.assigned) return `${groupId} has no partitions`;
    const silentMs = Date.now() - this.heard;
    // The broker has forgotten a member by then, whether it hangs or cannot be reached.
    return silentMs > sessionTimeoutMs ? `${groupId} has not heard of the broker for ${String(silentMs)} ms` : null;
  }

  /** Whether the broker could not be reached, with all retries, since it last answered. */
  get isCutOff(): boolean {
    return this.crashed;
  }

  /** Fetches no more, finishes what is in hand, commits, leaves the group. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    for (const timer of this.timers) clearInterval(timer);
    const { consumer } = this;
    if (!consumer) return;
    try {
      consumer.pause(this.options.topics.map((topic) => ({ topic })));
    } catch (error) {
      this.options.log.debug({ err: error }, 'consumer was between two lives: there is nothing to pause');
    }
    await this.progress.finished();
    await this.commit();
    await consumer.disconnect().catch(() => undefined);
    this.assigned = false;
  }

  private async connect(): Promise<void> {
    const { kafka, clientId, groupId, topics, log } = this.options;
    for (let attempt = 0; !this.stopped; attempt += 1) {
      const consumer = this.create();
      this.askedAt = Date.now();
      try {
        await removeDeadPredecessors(kafka, clientId, groupId).catch((error: unknown) => {
          // Joined beside them it would wait for their session to end: rather look again.
          if (mayPass(error)) throw error;
          log.debug({ err: error, groupId }, 'predecessors were not looked for');
        });
        await consumer.connect();
        await consumer.subscribe({ topics, fromBeginning: true });
        await consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          partitionsConsumedConcurrently: 24,
          eachBatch: (payload) => this.batch(payload),
        });
        // A crash while it joins does not reject.
        if (this.dead.has(consumer)) throw new Error('The consumer has ended already.');
        this.consumer = consumer;
        break;
      } catch (error) {
        if (attempt === 0) log.warn({ err: error, groupId }, 'consumer waits for the broker');
        await consumer.disconnect().catch(() => undefined);
        await sleep(200);
      }
    }
    // Stopped while it connected.
    if (this.stopped) await this.consumer?.disconnect().catch(() => undefined);
  }

  private create(): Consumer {
    const { kafka, groupId, sessionTimeoutMs, assigner, log } = this.options;
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 3_000),
      // By its heartbeats a member hears that another one joins or leaves, who waits for it.
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      metadataMaxAge: 10_000,
      allowAutoTopicCreation: false,
      // We replace it ourselves: kafkajs's restart would wait until the broker has forgotten our own dead member.
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: () => Promise.resolve(false) },
      ...(assigner && { partitionAssigners: [assigner] }),
    });
    const { GROUP_JOIN, HEARTBEAT, FETCH, REBALANCING, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      const assignment = payload.memberAssignment as Record<string, number[]>;
      this.heard = Date.now();
      this.crashed = false;
      this.progress.keepOnly(assignment);
      this.forgetLag(assignment);
      this.assigned = Object.values(assignment).some((partitions) => partitions.length > 0);
      log.info({ groupId, tookMs: Date.now() - this.askedAt }, 'consumer has joined');
    });
    for (const alive of [HEARTBEAT, FETCH]) {
      consumer.on(alive, () => {
        this.heard = Date.now();
      });
    }
    // It stays ready: all members rebalance at once, and for readiness to fail on all of them would be an outage.
    consumer.on(REBALANCING, () => {
      this.askedAt = Date.now();
      this.heard = Date.now();
      void this.commit();
    });
    consumer.on(CRASH, () => {
      this.crashed = true;
      this.dead.add(consumer);
      this.options.onCutOff?.();
      if (consumer === this.consumer) void this.replace();
    });
    return consumer;
  }

  private async batch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    kafkaLag.set(this.lagLabels(topic, partition), Number(payload.batch.offsetLag()));
    this.lagging.set(`${topic} ${String(partition)}`, { topic, partition });
    const progress = this.progress.of(topic, partition);
    for (const message of messages) {
      if (!payload.isRunning() || payload.isStale()) break;
      // Heartbeats come only from this loop: while it waits for a place it sends them itself.
      while (this.inHand >= IN_HAND && payload.isRunning()) {
        await sleep(5);
        await payload.heartbeat();
      }
      if (progress.begin(message.offset)) void this.handOut(topic, partition, message);
      payload.resolveOffset(message.offset);
    }
    await payload.heartbeat();
  }

  private lagLabels(topic: string, partition: number) {
    return { service: 'kafka', topic, partition: String(partition), consumer: this.options.groupId };
  }

  /** Whoever has a partition now tells its lag. */
  private forgetLag(assignment: Record<string, number[]>): void {
    for (const [name, { topic, partition }] of this.lagging) {
      if (assignment[topic]?.includes(partition)) continue;
      kafkaLag.remove(this.lagLabels(topic, partition));
      this.lagging.delete(name);
    }
  }

  private async handOut(topic: string, partition: number, message: KafkaMessage): Promise<void> {
    const progress = this.progress.of(topic, partition);
    const key = message.key?.toString() ?? null;
    const frames = framesOf(message);
    this.inHand += frames.length;
    const handled = await Promise.allSettled(
      frames.map(async ({ headers, body }) => {
        try {
          await this.options.handle({ topic, key, headers, body });
        } finally {
          this.inHand -= 1;
        }
      }),
    );
    const failed = handled.find((outcome) => outcome.status === 'rejected');
    // Only when stopping: the record is left for the next start.
    if (failed) {
      const facts = { err: failed.reason as unknown, topic, partition, offset: message.offset };
      this.options.log.debug(facts, 'record left for the next start');
    }
    progress.end(message.offset, !failed);
  }

  private async commit(): Promise<void> {
    if (!this.consumer) return;
    const offsets = this.progress.toCommit();
    if (offsets.length === 0) return;
    try {
      await this.consumer.commitOffsets(offsets);
      this.progress.committed(offsets);
    } catch (error) {
      this.options.log.debug({ err: error }, 'offsets are committed with the next ones');
    }
  }

  private async watch(): Promise<void> {
    if (this.stopped || !this.consumer || Date.now() - this.heard < SILENT_MS) return;
    this.options.log.warn({ groupId: this.options.groupId }, 'consumer was silent and is replaced');
    await this.replace();
  }

  private async replace(): Promise<void> {
    const { consumer } = this;
    this.consumer = null;
    this.assigned = false;
    this.heard = Date.now();
    await Promise.race([consumer?.disconnect().catch(() => undefined), sleep(2_000)]);
    await sleep(100);
    await this.connect();
  }
}

/** Whether the broker, or the group's coordinator, is only not there yet. */
function mayPass(error: unknown): boolean {
  const { name, retriable } = error as { name?: unknown; retriable?: unknown };
  return retriable === true || name === 'KafkaJSNumberOfRetriesExceeded';
}

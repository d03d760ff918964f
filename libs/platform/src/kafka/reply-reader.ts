import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '@qa-pms/contracts';
import { AssignerProtocol, type Kafka, type PartitionAssigner } from 'kafkajs';
import { InFlight } from '../in-flight.js';
import type { Log } from '../log.js';
import type { ReplyEnvelope } from '../messaging/envelope.js';
import { GroupConsumer } from './group-consumer.js';
import { REPLY_PARTITIONS } from './topics.js';

interface ReplyReaderOptions {
  kafka: Kafka;
  clientId: string;
  topic: string;
  instanceId: string;
  sessionTimeoutMs: number;
  log: Log;
}

interface Pending {
  resolve: (reply: ReplyEnvelope) => void;
  reject: (error: AppError) => void;
}

/** How a request ends that no broker can carry. */
export function cutOff(cause?: unknown): AppError {
  return new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'kafka' }, { cause });
}

/**
 * Reads the replies to this process's requests: one partition of the common topic, in a consumer group of its own
 * (instances that shared one lost replies whenever another joined). What was not asked for here is dropped.
 */
export class ReplyReader {
  readonly partition: number;
  private readonly pending = new InFlight<Pending>();
  private readonly consumer: GroupConsumer;
  private readonly prefix = `${randomUUID().slice(0, 8)}-`;

  constructor({ kafka, clientId, topic, instanceId, sessionTimeoutMs, log }: ReplyReaderOptions) {
    this.partition = createHash('sha256').update(instanceId).digest().readUInt32BE(0) % REPLY_PARTITIONS;
    this.consumer = new GroupConsumer({
      kafka,
      clientId,
      groupId: `${topic}.${instanceId}`,
      topics: [topic],
      sessionTimeoutMs,
      assigner: onlyPartition(this.partition),
      handle: ({ headers, body }) => {
        this.take(headers['correlation'] ?? '')?.resolve({ ok: headers['ok'] === '1', body });
        return Promise.resolve();
      },
      // Their callers learn it now instead of at the deadline: whether they were done, both leave open.
      onCutOff: () => {
        for (const { reject } of this.pending.list()) reject(cutOff());
      },
      log,
    });
  }

  start(): Promise<void> {
    return this.consumer.start();
  }

  stop(): Promise<void> {
    return this.consumer.stop();
  }

  notReady(): string | null {
    return this.consumer.notReady();
  }

  /** Whether no reply can come now. */
  get isCutOff(): boolean {
    return this.consumer.isCutOff;
  }

  /** A place for a reply; it is given up at the deadline (epoch milliseconds). */
  expect(deadline: number): { correlation: string; reply: Promise<ReplyEnvelope>; forget: () => void } {
    let ticket = 0;
    const forget = (): void => {
      clearTimeout(timer);
      this.pending.take(ticket);
    };
    const timer = setTimeout(forget, Math.max(0, deadline - Date.now()) + 100);
    const reply = new Promise<ReplyEnvelope>((resolve, reject) => {
      ticket = this.pending.add({
        resolve: (answer) => {
          forget();
          resolve(answer);
        },
        reject: (error) => {
          forget();
          reject(error);
        },
      });
    });
    // Who could not send it no longer waits for it.
    reply.catch(() => undefined);
    return { correlation: this.prefix + ticket.toString(36), reply, forget };
  }

  private take(correlation: string): Pending | undefined {
    if (!correlation.startsWith(this.prefix)) return undefined;
    return this.pending.take(Number.parseInt(correlation.slice(this.prefix.length), 36));
  }
}

/** Gives the group's only member one partition of each topic. */
function onlyPartition(partition: number): PartitionAssigner {
  const version = 1;
  return () => ({
    name: `only-${String(partition)}`,
    version,
    assign: ({ members, topics }) => {
      const assignment = Object.fromEntries(topics.map((topic) => [topic, [partition]]));
      return Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version,
            assignment,
            userData: Buffer.alloc(0),
          }),
        })),
      );
    },
    protocol: ({ topics }) => ({
      name: `only-${String(partition)}`,
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }),
  });
}

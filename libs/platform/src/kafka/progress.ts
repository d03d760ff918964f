import type { TopicPartitionOffset } from 'kafkajs';

/** What of one partition is in hand, and how far everything is finished. */
class PartitionProgress {
  private readonly open = new Set<string>();
  private highest = -1n;
  private lastCommitted = -1n;
  private failed: bigint | null = null;

  constructor(private readonly count: (change: 1 | -1) => void) {}

  /** False where the record is in hand already: after a rejoin what is unfinished is fetched again. */
  begin(offset: string): boolean {
    if (this.open.has(offset)) return false;
    this.open.add(offset);
    this.count(1);
    if (BigInt(offset) > this.highest) this.highest = BigInt(offset);
    return true;
  }

  end(offset: string, done: boolean): void {
    if (!this.open.delete(offset)) return;
    this.count(-1);
    if (!done && (this.failed === null || BigInt(offset) < this.failed)) this.failed = BigInt(offset);
  }

  /** The next offset to read after a crash; null where nothing new is finished. */
  next(): bigint | null {
    let next = this.highest + 1n;
    for (const offset of this.open) if (BigInt(offset) < next) next = BigInt(offset);
    if (this.failed !== null && this.failed < next) next = this.failed;
    return next > 0n && next !== this.lastCommitted ? next : null;
  }

  wasCommitted(offset: bigint): void {
    this.lastCommitted = offset;
  }
}

/** How far a consumer is, over all its partitions. Offsets are committed only behind finished work. */
export class Progress {
  private readonly partitions = new Map<string, PartitionProgress>();
  private readonly waiting: (() => void)[] = [];
  /** Records that are being handled. */
  private inHand = 0;

  of(topic: string, partition: number): PartitionProgress {
    const name = `${topic} ${String(partition)}`;
    let progress = this.partitions.get(name);
    if (!progress) {
      progress = new PartitionProgress((change) => {
        this.inHand += change;
        if (this.inHand === 0) for (const resolve of this.waiting.splice(0)) resolve();
      });
      this.partitions.set(name, progress);
    }
    return progress;
  }

  /** After a rebalance: what belongs to another member now is not ours to commit. */
  keepOnly(assignment: Record<string, number[]>): void {
    for (const name of this.partitions.keys()) {
      const [topic = '', partition] = name.split(' ');
      if (!assignment[topic]?.includes(Number(partition))) this.partitions.delete(name);
    }
  }

  toCommit(): TopicPartitionOffset[] {
    const offsets: TopicPartitionOffset[] = [];
    for (const [name, progress] of this.partitions) {
      const [topic = '', partition] = name.split(' ');
      const next = progress.next();
      if (next !== null) offsets.push({ topic, partition: Number(partition), offset: next.toString() });
    }
    return offsets;
  }

  committed(offsets: TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) this.of(topic, partition).wasCommitted(BigInt(offset));
  }

  /** Resolved when nothing is in hand. */
  finished(): Promise<void> {
    if (this.inHand === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

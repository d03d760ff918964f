import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AppError, GetAccessChanges } from '@qa-pms/contracts';
import { BackgroundJobs, gauge, Log, MessageBus, SYSTEM } from '@qa-pms/platform';

/** While identity answers, changes of roles and memberships take effect within a second on every instance. */
const ASK_EVERY_MS = 500;
const ANSWER_MS = 2_000;
/** After so long without an answer nobody knows who may still do what. */
const STALE_MS = 30_000;

let feed: SecurityFeed | null = null;
gauge('security_feed_age_seconds', 'Since identity told last whose roles or memberships have changed.', [], (told) => {
  if (feed) told.set({ service: 'gateway' }, feed.ageMs / 1_000);
});

/** Asks identity on and on whose access has changed. */
@Injectable()
export class SecurityFeed implements OnModuleInit {
  /** Told the users whose access has changed; null: it may be anybody's. */
  onChange: (userIds: string[] | null) => void = () => undefined;
  private cursor: string | null = null;
  private toldAt = performance.now();
  private renewing: Promise<void> | null = null;
  private isLost = false;

  constructor(
    private readonly bus: MessageBus,
    private readonly jobs: BackgroundJobs,
    private readonly log: Log,
  ) {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the one of this process, for its metric
    feed = this;
  }

  onModuleInit(): void {
    this.jobs.every(ASK_EVERY_MS, 'security feed', () => this.poll());
  }

  /** Milliseconds since the last question that was answered. */
  get ageMs(): number {
    return performance.now() - this.toldAt;
  }

  get isStale(): boolean {
    return this.ageMs > STALE_MS;
  }

  /** What was committed before this is told when it resolves. Throws what the request throws. */
  async ask(): Promise<void> {
    const askedAt = performance.now();
    // After a gap what it would go on from may have been cleaned up.
    const since = this.cursor === null || this.isStale ? {} : { since: this.cursor };
    const { cursor, everybody, userIds } = await this.answerTo(since);
    this.onChange(everybody ? null : userIds);
    // Of two answers that cross the older one makes the next repeat something.
    this.cursor = cursor;
    this.toldAt = askedAt;
    if (this.isLost) this.log.info({}, 'security feed goes on');
    this.isLost = false;
  }

  /** Asks where nobody has answered for long. Throws UPSTREAM_UNAVAILABLE where nobody answers now. */
  async renew(): Promise<void> {
    this.renewing ??= this.ask().finally(() => {
      this.renewing = null;
    });
    try {
      await this.renewing;
    } catch (error) {
      throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'identity' }, { cause: error });
    }
  }

  private async poll(): Promise<void> {
    try {
      await this.ask();
    } catch (error) {
      if (!this.isStale || this.isLost) return;
      this.isLost = true;
      this.log.warn({ err: error }, 'security feed has stopped: requests with a token are refused');
    }
  }

  private async answerTo(payload: GetAccessChanges) {
    try {
      return await this.bus.request(GetAccessChanges, payload, { caller: SYSTEM, timeoutMs: ANSWER_MS });
    } catch (error) {
      // An identity of the release before does not know the question: nothing is kept for long beside it.
      const isOlder = error instanceof AppError && error.code === 'MESSAGE_NOT_FOUND';
      if (isOlder) return { cursor: null, everybody: true, userIds: [] };
      throw error;
    }
  }
}

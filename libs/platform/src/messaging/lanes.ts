/** Runs work concurrently, bounded; work of one key in its order. */
export class Lanes {
  private readonly tails = new Map<string, Promise<void>>();
  private readonly waiting: (() => void)[] = [];
  private active = 0;
  private readonly idle: (() => void)[] = [];

  /** @param limit how many pieces of work run at once */
  constructor(private readonly limit: number) {}

  /** Work taken and not yet done, waiting or running. */
  get size(): number {
    return this.active + this.waiting.length;
  }

  /** Runs `work` after earlier work of the same key; with a null key at once. */
  run<T>(key: string | null, work: () => Promise<T>): Promise<T> {
    if (key === null) return this.bounded(work);
    const before = this.tails.get(key);
    const result = before ? before.then(() => this.bounded(work)) : this.bounded(work);
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    this.tails.set(key, tail);
    void tail.then(() => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
      if (this.tails.size === 0) this.whenIdle();
    });
    return result;
  }

  /** Resolved when nothing is waiting or running. */
  drained(): Promise<void> {
    if (this.size === 0 && this.tails.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private async bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.active >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.active += 1;
    try {
      return await work();
    } finally {
      // The place is handed on, so that no newcomer takes it before those who wait.
      const next = this.waiting.shift();
      if (next) next();
      else this.active -= 1;
      this.whenIdle();
    }
  }

  private whenIdle(): void {
    if (this.size > 0 || this.tails.size > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}

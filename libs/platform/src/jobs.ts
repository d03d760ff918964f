import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Log } from './log.js';
import { runAsSystem } from './context.js';

/** Background work of a service: never overlapping, stopped and awaited at shutdown. */
@Injectable()
export class BackgroundJobs implements OnApplicationShutdown {
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private stopped = false;

  constructor(private readonly log: Log) {}

  /**
   * Runs `work` at once (or first after `milliseconds`), and again `milliseconds` after each end. A failure is logged
   * and does not stop it.
   */
  every(milliseconds: number, name: string, work: () => Promise<unknown>, { atOnce = true } = {}): void {
    const round = (): void => {
      if (this.stopped) return;
      const run = runAsSystem({}, async () => {
        try {
          await work();
        } catch (error) {
          this.log.warn({ job: name, err: error }, 'background job failed');
        }
      }).finally(() => {
        this.running.delete(run);
        wait();
      });
      this.running.add(run);
    };
    const wait = (): void => {
      if (this.stopped) return;
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        round();
      }, milliseconds);
      this.timers.add(timer.unref());
    };
    if (atOnce) round();
    else wait();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.running);
  }
}

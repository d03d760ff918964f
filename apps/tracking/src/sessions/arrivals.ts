import { Injectable } from '@nestjs/common';

/** Tells those who wait for a change of a workflow that one was applied by this instance. */
@Injectable()
export class Arrivals {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** A change of the workflow has been committed. */
  announce(workflowId: string): void {
    for (const wake of this.waiting.get(workflowId) ?? []) wake();
  }

  /** Resolves at the next change of the workflow, or after so many milliseconds. */
  async next(workflowId: string, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const timer = setTimeout(wake, milliseconds);
    const others = this.waiting.get(workflowId) ?? new Set();
    this.waiting.set(workflowId, others.add(wake));
    await promise;
    clearTimeout(timer);
    others.delete(wake);
    if (others.size === 0 && this.waiting.get(workflowId) === others) this.waiting.delete(workflowId);
  }
}

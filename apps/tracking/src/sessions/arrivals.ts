import { Injectable } from '@nestjs/common';

interface Waiting {
  rowVersion: number;
  wake: () => void;
}

/** Tells those who wait for a change of a workflow that this instance has applied it, or a later one. */
@Injectable()
export class Arrivals {
  private readonly waiting = new Map<string, Set<Waiting>>();

  /** A change of the workflow has been committed, which made it this version. */
  announce(workflowId: string, rowVersion: number): void {
    for (const one of this.waiting.get(workflowId) ?? []) if (one.rowVersion <= rowVersion) one.wake();
  }

  /** Resolves once the workflow has this version here, or after so many milliseconds. */
  async next(workflowId: string, rowVersion: number, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const timer = setTimeout(wake, milliseconds);
    const others = this.waiting.get(workflowId) ?? new Set();
    const own = { rowVersion, wake };
    this.waiting.set(workflowId, others.add(own));
    await promise;
    clearTimeout(timer);
    others.delete(own);
    if (others.size === 0 && this.waiting.get(workflowId) === others) this.waiting.delete(workflowId);
  }
}

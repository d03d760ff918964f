import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';

export const FAULT_KINDS = ['latency', '429', '5xx', 'reset', 'garbage', '401'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What goes wrong from now on. */
export interface Fault {
  kind: FaultKind;
  /** Milliseconds to wait before answering; with `latency` the only harm done. Default 0, for `latency` 1,000. */
  delayMs?: number;
  /** How many requests it hits; without it all, until another fault or none is set. */
  count?: number;
  /** Only requests whose path contains this. */
  path?: string;
}

/** Makes a simulator misbehave on demand. */
export class Faults {
  private fault: Fault | null = null;
  private left = Infinity;

  /** Sets the fault, or with null ends it. */
  set(fault: Fault | null): void {
    this.fault = fault;
    this.left = fault?.count ?? Infinity;
  }

  /** Applies the fault to a request. Answers whether the request is dealt with. */
  async apply(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { fault } = this;
    if (!fault || this.left <= 0 || (fault.path && !request.url.includes(fault.path))) return false;
    this.left -= 1;
    const delayMs = fault.delayMs ?? (fault.kind === 'latency' ? 1000 : 0);
    if (delayMs > 0) await sleep(delayMs);
    switch (fault.kind) {
      case 'latency':
        return false;
      case '429':
        await reply
          .code(429)
          .headers({ 'retry-after': '1', 'ratelimit-reason': 'jira-burst-based' })
          .send({ errorMessages: ['Rate limit exceeded.'], errors: {} });
        return true;
      case '5xx':
        await reply.code(500).send({ errorMessages: ['Internal server error'], errors: {} });
        return true;
      case '401':
        await reply
          .code(401)
          .send({ errorMessages: ['Client must be authenticated to access this resource.'], errors: {} });
        return true;
      case 'garbage':
        await reply.code(200).type('application/json').send('{"issues": [ <html>');
        return true;
      case 'reset':
        reply.hijack();
        request.raw.socket.destroy();
        return true;
    }
  }
}

/** Reads a fault as the control route gets it; a string says what is wrong with it. */
export function readFault(body: unknown): Fault | null | string {
  const { kind, delayMs, count, path } = (body ?? {}) as Record<string, unknown>;
  if (kind === null || kind === undefined) return null;
  const known = FAULT_KINDS.find((one) => one === kind);
  if (!known) return `kind is one of ${FAULT_KINDS.join(', ')}, or null.`;
  return {
    kind: known,
    ...(typeof delayMs === 'number' && { delayMs }),
    ...(typeof count === 'number' && { count }),
    ...(typeof path === 'string' && { path }),
  };
}

import { createHash, randomUUID } from 'node:crypto';
import { AppError, keyOf, type ReplyOf, type RequestClass, type ServiceName, wireName } from '@qa-pms/contracts';
import { type Caller, findContext, type MessageContext } from '../context.js';
import { type Envelope, requestHeaders } from './envelope.js';
import type { Wire } from './wire.js';

export interface RequestOptions {
  /** Default: that of the current message. */
  caller?: Caller;
  /** Default: that of the current message. */
  requestId?: string;
  /** Milliseconds to wait at most; never longer than the current message has. */
  timeoutMs?: number;
  /** The client's `Idempotency-Key` with the route it was sent to: repeated, it is answered from the inbox. */
  idempotencyKey?: { key: string; method: string; path: string };
  /** Id of the message, where the sender may send it twice and it must be applied once. */
  messageId?: string;
}

/** Sends requests to services, wherever they run. */
export class MessageBus {
  private inFlight = 0;

  constructor(
    private readonly wire: Wire,
    private readonly limits: { timeoutMs: number; maxInFlight: number },
  ) {}

  /**
   * The reply of the service that owns the message.
   * Throws its AppError, UPSTREAM_TIMEOUT at the deadline, UPSTREAM_UNAVAILABLE, or OVERLOADED.
   */
  async request<C extends RequestClass>(
    message: C,
    payload: InstanceType<C>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<C>> {
    const { contract } = message;
    if (this.inFlight >= this.limits.maxInFlight) throw new AppError('OVERLOADED', { upstream: contract.service });
    const body = JSON.stringify(payload);
    const context = contextFor(options, this.limits.timeoutMs, body);
    const key = contract.kind === 'command' ? (keyOf(contract, payload) ?? context.messageId) : null;
    const envelope: Envelope = { key, headers: requestHeaders(wireName(contract), context, body), body };
    this.inFlight += 1;
    try {
      const reply = await withDeadline(
        this.wire.request(contract.service, contract.kind, envelope),
        context.deadline,
        contract.service,
      );
      const answer: unknown = JSON.parse(reply.body);
      if (reply.ok) return answer as ReplyOf<C>;
      const { code, details } = answer as { code: string; details: Record<string, unknown> };
      throw AppError.from(code, details);
    } finally {
      this.inFlight -= 1;
    }
  }
}

function contextFor(options: RequestOptions, timeoutMs: number, body: string): MessageContext & { deadline: number } {
  const current = findContext();
  const caller = options.caller ?? current?.caller;
  if (!caller) throw new Error('A request needs a caller: use runAsSystem for background work.');
  const own = Date.now() + (options.timeoutMs ?? timeoutMs);
  const { idempotencyKey } = options;
  const id = idempotencyKey ? idOf(caller, idempotencyKey) : (options.messageId ?? randomUUID());
  return {
    messageId: id,
    requestId: options.requestId ?? current?.requestId ?? id,
    traceparent: current?.traceparent ?? null,
    deadline: Math.min(own, current?.deadline ?? own),
    caller,
    idempotencyHash: idempotencyKey ? createHash('sha256').update(body).digest('base64url') : null,
  };
}

/** The same caller, route and key always make the same id. */
function idOf(caller: Caller, { key, method, path }: { key: string; method: string; path: string }): string {
  const parts = JSON.stringify([caller.userId, caller.projectId, method, path, key]);
  const hex = createHash('sha256').update(parts).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function withDeadline<T>(work: Promise<T>, deadline: number, upstream: ServiceName): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(new AppError('UPSTREAM_TIMEOUT', { upstream }));
      },
      Math.max(0, deadline - Date.now()),
    );
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}

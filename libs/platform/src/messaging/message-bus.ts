import { createHash, createHmac, randomUUID } from 'node:crypto';
import { AppError, keyOf, type ReplyOf, type RequestClass, type ServiceName, wireName } from '@qa-pms/contracts';
import { type Caller, findContext, type MessageContext } from '../context.js';
import { type Envelope, fromWire, requestHeaders, toWire } from './envelope.js';
import type { Span } from '@opentelemetry/api';
import { counter, histogram, Ongoing, PART_BUCKETS, secondsSince } from '../telemetry/metrics.js';
import { inSpan, NO_SPAN, observe, SpanKind, startSpan } from '../telemetry/spans.js';
import type { PlatformSettings } from '../platform.settings.js';
import { signingKey } from '../secrets.js';
import type { Wire } from './wire.js';

const requests = counter('rpc_requests_total', 'Requests between services, by the called one (`target`).', [
  'target',
  'message',
  'outcome',
]);
const durations = histogram('rpc_request_duration_seconds', 'From a request between services to its answer.', {
  labels: ['target', 'message', 'outcome'],
  buckets: PART_BUCKETS,
});
const inFlight = new Ongoing('rpc_requests_in_flight', 'Requests between services that wait for an answer.', [
  'target',
]);

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
    private readonly service: string,
    private readonly limits: Pick<PlatformSettings, 'requestTimeoutMs' | 'requestMaxInFlight'>,
  ) {}

  /**
   * The reply of the service that owns the message.
   * Throws its AppError, UPSTREAM_TIMEOUT at the deadline, UPSTREAM_UNAVAILABLE (also there, where no reply could
   * come), or OVERLOADED.
   */
  async request<C extends RequestClass>(
    message: C,
    payload: InstanceType<C>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<C>> {
    return JSON.parse(await this.requestText(message, payload, options)) as ReplyOf<C>;
  }

  /** As `request`; the reply is the JSON that came, for whoever only hands it on. */
  async requestText<C extends RequestClass>(
    message: C,
    payload: InstanceType<C>,
    options: RequestOptions = {},
  ): Promise<string> {
    const { contract } = message;
    const { service: target } = contract;
    const name = wireName(contract);
    if (this.inFlight >= this.limits.requestMaxInFlight) throw new AppError('OVERLOADED', { upstream: target });
    const json = JSON.stringify(payload);
    const body = toWire(contract, 'payload', json);
    const context = contextFor(options, this.limits.requestTimeoutMs, json);
    const { messageId, caller } = context;
    const key = contract.kind === 'command' ? (keyOf(contract, payload, caller.userId) ?? messageId) : null;
    const start = performance.now();
    const labels = { service: this.service, target, message: name };
    let outcome = 'ok';
    this.inFlight += 1;
    const way = `${this.service} ${target}`;
    const ends = () => ({ service: this.service, target });
    inFlight.add(way, 1, ends);
    try {
      const span = contract.isRoutine === true ? NO_SPAN : this.spanOf(target, name, context);
      return await inSpan(span, async () => {
        const envelope: Envelope = { key, headers: requestHeaders(name, context, body), body };
        const answer = this.wire.request(target, contract.kind, envelope);
        const reply = await withDeadline(answer, context.deadline, () => this.late(target));
        if (reply.ok) return fromWire(contract, 'reply', reply.body);
        const { code, details } = JSON.parse(reply.body) as { code: string; details: Record<string, unknown> };
        throw AppError.from(code, details);
      });
    } catch (error) {
      outcome = error instanceof AppError ? error.code : 'fault';
      throw error;
    } finally {
      this.inFlight -= 1;
      inFlight.add(way, -1, ends);
      requests.inc({ ...labels, outcome });
      observe(durations, { ...labels, outcome }, secondsSince(start));
    }
  }

  /** A broker that hangs is noticed by nothing but its silence. */
  private late(upstream: ServiceName): AppError {
    return new AppError(this.wire.notReady() === null ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNAVAILABLE', { upstream });
  }

  private spanOf(target: string, name: string, { requestId }: MessageContext): Span {
    // https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
    return startSpan(`${target}/${name}`, SpanKind.CLIENT, () => ({
      'rpc.system.name': 'qa-pms',
      'rpc.method': `${target}/${name}`,
      'qa.service': this.service,
      'qa.request_id': requestId,
    }));
  }
}

function contextFor(
  options: RequestOptions,
  timeoutMs: number,
  payload: string,
): MessageContext & { deadline: number } {
  const current = findContext();
  const caller = options.caller ?? current?.caller;
  if (!caller) throw new Error('A request needs a caller: use runAsSystem for background work.');
  const own = Date.now() + (options.timeoutMs ?? timeoutMs);
  const { idempotencyKey } = options;
  const id = idempotencyKey ? idOf(caller, idempotencyKey) : (options.messageId ?? randomUUID());
  return {
    messageId: id,
    requestId: options.requestId ?? current?.requestId ?? id,
    deadline: Math.min(own, current?.deadline ?? own),
    caller,
    // With a key: of a payload with a password a plain hash, which is stored, would let that be guessed.
    idempotencyHash: idempotencyKey ? createHmac('sha256', signingKey()).update(payload).digest('base64url') : null,
  };
}

/** The same caller, route and key always make the same id. */
function idOf(caller: Caller, { key, method, path }: { key: string; method: string; path: string }): string {
  const parts = JSON.stringify([caller.userId, caller.projectId, method, path, key]);
  const hex = createHash('sha256').update(parts).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function withDeadline<T>(work: Promise<T>, deadline: number, late: () => AppError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(late());
      },
      Math.max(0, deadline - Date.now()),
    );
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}

import { Injectable } from '@nestjs/common';
import { AppError, type ReplyOf, type RequestClass } from '@qa-pms/contracts';
import { elapsedMs, MessageBus, PlatformSettings, type RequestOptions } from '@qa-pms/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Route } from '../routes/route.js';
import { Access } from './access.js';

/** Asks the service that a route belongs to, and sends what it replies. */
@Injectable()
export class Answers {
  constructor(
    private readonly bus: MessageBus,
    private readonly access: Access,
    private readonly platform: PlatformSettings,
  ) {}

  /** Throws the service's error, and those of MessageBus.request. */
  async send(
    route: Route,
    payload: Record<string, unknown>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const { caller } = request.messageContext;
    const options = (message: RequestClass): RequestOptions => ({
      caller,
      requestId: request.id,
      // One deadline for all that an HTTP request needs: who it is from was asked before.
      timeoutMs: this.platform.requestTimeoutMs - elapsedMs(request),
      ...idempotency(request, route, message),
    });
    if (route.answer) {
      const send = <C extends RequestClass>(message: C, content: InstanceType<C>): Promise<ReplyOf<C>> =>
        this.bus.request(message, content, options(message));
      return route.answer.send({ payload, caller, request: send, bus: this.bus }, reply);
    }
    const sent = this.bus.requestText(route.message, payload, options(route.message));
    const result = await sent.finally(() => this.afterSent(route));
    const version = route.version?.(JSON.parse(result) as never);
    if (version !== undefined) void reply.header('etag', `"${String(version)}"`);
    const { status = 200 } = route;
    void reply.status(status);
    if (status === 204) return reply.send();
    // As bytes: a text with a character beyond Latin-1 goes through Node's slow encoder, with the headers before it.
    return reply.type('application/json; charset=utf-8').send(Buffer.from(result));
  }

  /** Who is answered that a role or a membership has changed must find it so: on this instance at once. */
  private async afterSent({ message, isPublic }: Route): Promise<void> {
    const { service, kind } = message.contract;
    if (service === 'identity' && kind === 'command' && isPublic !== true) await this.access.changed();
  }
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

function idempotency(
  request: FastifyRequest,
  route: Route,
  message: RequestClass,
): { idempotencyKey?: { key: string; method: string; path: string } } {
  const key = request.headers['idempotency-key'];
  if (key === undefined || request.method !== 'POST' || route.isPublic === true || message.contract.kind !== 'command')
    return {};
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) {
    throw AppError.invalid('Idempotency-Key', 'matches', 'must be 1 to 255 visible ASCII characters');
  }
  return { idempotencyKey: { key, method: request.method, path: request.url } };
}

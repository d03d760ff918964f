import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { AppError } from '@qa-pms/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ANONYMOUS, type MessageContext, runInContext } from './context.js';
import type { Health } from './health.js';
import { refuseUnreadable, sendError } from './http-errors.js';
import type { Log } from './log.js';
import { countUnreadable, inRequest, requestFailed } from './telemetry/http-telemetry.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request this is, for the log and for messages that it causes; whoever signs it in changes the caller. */
    messageContext: MessageContext;
  }
}

/** A request that is being answered, for whoever asks why a stop takes long. */
export interface RequestInHand {
  method: string;
  route: string;
  requestId: string;
  runningMs: number;
}

/** Probes and the scraper, which come every few seconds, are neither logged nor refused nor waited for. */
const PROBES = /^\/(?:health|metrics)(?:[/?]|$)/;

/** What all HTTP requests of a service have in common: their context, their line in the log, and their end at a stop. */
export class HttpRequests {
  private readonly inHand = new Map<FastifyRequest, number>();
  private readonly late = new WeakSet<Socket>();
  private readonly waiting: (() => void)[] = [];
  private closing = false;

  constructor(
    http: FastifyInstance,
    private readonly service: string,
    private readonly health: Health,
    private readonly log: Log,
  ) {
    http.decorateRequest('messageContext');
    http.server.on('connection', (socket) => {
      if (this.closing) this.late.add(socket);
    });
    http.addHook('onRequest', (request, reply, done) => {
      request.messageContext = contextOf(request);
      void reply.header('x-request-id', request.id).header('x-correlation-id', request.id);
      if (this.health.draining) void reply.header('connection', 'close');
      if (!PROBES.test(request.url)) {
        if (this.late.has(request.raw.socket)) {
          void sendError(new AppError('SHUTTING_DOWN'), request, reply, this.log).finally(() => {
            this.write(request, reply);
          });
          return;
        }
        this.inHand.set(request, performance.now());
        // Whoever goes before the answer leaves no onResponse.
        reply.raw.once('close', () => {
          this.ended(request, reply);
        });
      }
      runInContext(request.messageContext, done);
    });
    // The body comes in by events of the socket, which know nothing of the request's context.
    http.addHook('preValidation', (request, _reply, done) => {
      runInContext(request.messageContext, done);
    });
    http.addHook('onResponse', (request, reply, done) => {
      this.ended(request, reply);
      done();
    });
  }

  /** Refuses bytes that Node cannot read: those of a request in hand fail it, others are told of like a request. */
  refuse(error: Error, socket: Socket): void {
    const begun = [...this.inHand.keys()].find(({ raw }) => raw.socket === socket && !raw.complete);
    const id = begun?.id ?? randomUUID();
    const refusal = refuseUnreadable(error, socket, id);
    if (!refusal) return;
    if (begun) {
      requestFailed(begun, refusal);
      return;
    }
    countUnreadable(this.service, refusal);
    runInContext(contextOf({ id }), () => {
      const { status } = refusal.kind;
      this.log.info({ method: null, route: null, status, durationMs: null }, 'request');
    });
  }

  /** From now on connections that are new are refused; resolved when what the others asked for is answered. */
  drain(): Promise<void> {
    this.closing = true;
    if (this.inHand.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** What is being answered. */
  list(): RequestInHand[] {
    return [...this.inHand].map(([request, startedAt]) => ({
      method: request.method,
      route: request.routeOptions.url ?? '',
      requestId: request.id,
      runningMs: Math.round(performance.now() - startedAt),
    }));
  }

  private ended(request: FastifyRequest, reply: FastifyReply): void {
    if (!this.inHand.delete(request)) return;
    if (this.inHand.size === 0) for (const resolve of this.waiting.splice(0)) resolve();
    this.write(request, reply);
  }

  private write(request: FastifyRequest, reply: FastifyReply): void {
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? null;
    const durationMs = Math.round(reply.elapsedTime * 10) / 10;
    const answered = reply.raw.headersSent;
    // Without a status: whoever asked has gone before the answer.
    const facts = { method, route, status: answered ? reply.statusCode : null, durationMs };
    inRequest(request, () => {
      runInContext(request.messageContext, () => {
        this.log.info(facts, 'request');
      });
    });
  }
}

function contextOf({ id }: Pick<FastifyRequest, 'id'>): MessageContext {
  return {
    messageId: id,
    requestId: id,
    deadline: null,
    caller: ANONYMOUS,
    idempotencyHash: null,
  };
}

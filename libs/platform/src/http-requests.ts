import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { AppError } from '@qa-pms/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ANONYMOUS, findContext, type MessageContext, runInContext } from './context.js';
import type { Health } from './health.js';
import { refuseUnreadable, sendError } from './http-errors.js';
import { InFlight } from './in-flight.js';
import type { Log } from './log.js';
import {
  countUnreadable,
  elapsedMs,
  inRequest,
  requestCame,
  requestEnded,
  requestFailed,
} from './telemetry/http-telemetry.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request this is, for the log and for messages that it causes; whoever signs it in changes the caller. */
    messageContext: MessageContext;
    /** Pattern of its route; null: there is none. Fastify puts its `routeOptions` together anew for whoever reads them. */
    route: string | null;
  }
}

/** A request that is being answered, for whoever asks why a stop takes long. */
export interface RequestInHand {
  method: string;
  route: string;
  requestId: string;
  runningMs: number;
}

/** Probes and the scraper, which come every few seconds, are neither told of nor refused nor waited for at a stop. */
const PROBES = new Set<string | null>(['/health', '/health/live', '/health/ready', '/health/detailed', '/metrics']);

/** What all HTTP requests of a service have in common: their context, what is told of them, and their end at a stop. */
export class HttpRequests {
  private readonly inHand = new InFlight<FastifyRequest>();
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
    http.decorateRequest('told');
    http.decorateRequest('route', null);
    http.server.on('connection', (socket) => {
      if (this.closing) this.late.add(socket);
    });
    // One hook for all of it: each costs every request some of its time.
    http.addHook('onRequest', (request, reply, done) => {
      request.messageContext = contextOf(request);
      request.route = request.routeOptions.url ?? null;
      void reply.header('x-request-id', request.id).header('x-correlation-id', request.id);
      if (this.health.draining) void reply.header('connection', 'close');
      const isProbe = PROBES.has(request.route);
      if (!isProbe) this.begin(request, reply);
      within(request, () => {
        const refusal = this.refusal(request, isProbe);
        // Not every route has an error handler of ours: those that Fastify got before Nest was ready have its own.
        if (refusal) void sendError(refusal, request, reply, this.log);
        else done();
      });
    });
    // The body comes in by events of the socket, which know nothing of the request's context.
    http.addHook('preValidation', (request, _reply, done) => {
      if (findContext() === request.messageContext) done();
      else within(request, done);
    });
  }

  /** Refuses bytes that Node cannot read: those of a request in hand fail it, others are told of like a request. */
  refuse(error: Error, socket: Socket): void {
    const begun = this.inHand.list().find(({ raw }) => raw.socket === socket && !raw.complete);
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
    return this.inHand.list().map((request) => ({
      method: request.method,
      route: request.route ?? '',
      requestId: request.id,
      runningMs: Math.round(elapsedMs(request)),
    }));
  }

  private begin(request: FastifyRequest, reply: FastifyReply): void {
    requestCame(request, this.service);
    const ticket = this.inHand.add(request);
    // Comes after an answer as well as when whoever asked has gone before it.
    reply.raw.once('close', () => {
      this.inHand.take(ticket);
      if (this.inHand.size === 0) for (const resolve of this.waiting.splice(0)) resolve();
      requestEnded(request, reply);
      this.write(request, reply);
    });
  }

  private refusal(request: FastifyRequest, isProbe: boolean): AppError | null {
    if (!isProbe && this.late.has(request.raw.socket)) return new AppError('SHUTTING_DOWN');
    // https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    const isLegal = request.headers.host !== undefined || request.raw.httpVersion !== '1.1';
    return isLegal ? null : new AppError('MALFORMED_REQUEST');
  }

  private write(request: FastifyRequest, reply: FastifyReply): void {
    const { method, route } = request;
    const durationMs = Math.round(elapsedMs(request) * 10) / 10;
    const answered = reply.raw.headersSent;
    // Without a status: whoever asked has gone before the answer.
    const facts = { method, route, status: answered ? reply.statusCode : null, durationMs };
    within(request, () => {
      this.log.info(facts, 'request');
    });
  }
}

/** Runs work with the request's context and span. */
function within(request: FastifyRequest, work: () => void): void {
  inRequest(request, () => {
    runInContext(request.messageContext, work);
  });
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

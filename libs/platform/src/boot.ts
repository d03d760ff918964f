import 'reflect-metadata';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, throwError } from 'rxjs';
import { registerHealthRoutes } from './health.routes.js';
import { requestIdOf, sendError } from './http-errors.js';
import { HttpRequests } from './http-requests.js';
import { BackgroundJobs } from './jobs.js';
import { type Log, logFor, serviceLogger } from './log.js';
import { nestLogger } from './log/nest-log.js';
import { DeadLetterStore } from './messaging/dead-letters.js';
import { MessageServer } from './messaging/message-server.js';
import { PlatformModule } from './platform.module.js';
import type { Runtime } from './runtime.js';
import type { ServiceDefinition } from './service.js';
import { closeAfterFailure } from './stop.js';

/** Errors of message handlers go on as they are, MessageServer knows what to do with them; HTTP gets the error contract. */
@Catch()
class Errors implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | Promise<void> {
    if (host.getType() !== 'http') return throwError(() => error);
    const http = host.switchToHttp();
    return sendError(error, http.getRequest(), http.getResponse(), this.log);
  }
}

/** A service that runs, in this process. */
export interface RunningService {
  name: string;
  app: NestFastifyApplication;
  http: FastifyInstance;
  requests: HttpRequests;
  server: MessageServer;
}

/** Largest body of an HTTP request; the gateway lowers it per route. */
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
/** Replays that somebody asked for are looked for this often. */
const REPLAY_POLL_MS = 1_000;

/** Starts a service: its Nest application, its messages, its health. It does not listen for HTTP: that is the runner's. */
export async function bootService(service: ServiceDefinition, runtime: Runtime): Promise<RunningService> {
  const log = logFor(runtime.logger, service.name);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 500 },
    genReqId: requestIdOf,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      void sendError(error, request, reply, log);
    },
    clientErrorHandler: (error, socket) => {
      requests.refuse(error, socket);
    },
    // Node would refuse a request without it in a form of its own; HttpRequests does it in ours.
    http: { requireHostHeader: false },
    forceCloseConnections: 'idle',
    // What comes in over open connections while it closes is still served, and told to close.
    return503OnClosing: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(PlatformModule.forService(service, runtime), adapter, {
    logger: nestLogger(serviceLogger(runtime.logger, service.name)),
    abortOnError: false,
    // The gateway reads bodies itself: it refuses what no parser should see.
    bodyParser: false,
  });
  const http = app.getHttpAdapter().getInstance();
  const requests = new HttpRequests(http, service.name, runtime.health, log);
  // Node would answer 417 without a body to expectations that it does not know; a server may ignore them as well.
  // https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
  http.server.on('checkExpectation', (request, response) => http.server.emit('request', request, response));
  registerHealthRoutes(http, { health: runtime.health, telemetry: runtime.telemetry, log });
  const deadLetters = (): DeadLetterStore | null => app.get(DeadLetterStore, { strict: false });
  const hasDeadLetters = service.database !== undefined;
  const server = new MessageServer(service.name, runtime.wire, log, () => (hasDeadLetters ? deadLetters() : null));
  app.useGlobalFilters(new Errors(log));
  app.connectMicroservice({ strategy: server }, { inheritAppConfig: true });
  try {
    await app.startAllMicroservices();
    await app.init();
  } catch (error) {
    // What was started before it failed goes on by itself: consumers, the outbox, background jobs.
    await closeAfterFailure(app, runtime, log);
    throw error;
  }
  if (hasDeadLetters) {
    app
      .get(BackgroundJobs)
      .every(REPLAY_POLL_MS, 'replay dead letters', async () =>
        deadLetters()?.replayRequested((event) => server.replay(event)),
      );
  }
  runtime.health.add({
    name: 'consumer',
    service: service.name,
    required: true,
    check: () => {
      const missing = server.notReady();
      if (missing !== null) throw new Error(missing);
      return 'messages arrive';
    },
  });
  log.info({}, 'service ready');
  return { name: service.name, app, http, requests, server };
}

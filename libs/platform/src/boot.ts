import 'reflect-metadata';
import { type ArgumentsHost, Catch, type RpcExceptionFilter } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { type Observable, throwError } from 'rxjs';
import { registerHealthRoutes } from './health.routes.js';
import { logFor, nestLogger } from './log.js';
import { DeadLetterStore } from './messaging/dead-letters.js';
import { MessageServer } from './messaging/message-server.js';
import { PlatformModule } from './platform.module.js';
import type { Runtime } from './runtime.js';
import type { ServiceDefinition } from './service.js';

/** Hands errors of handlers on as they are: MessageServer knows what to do with them. */
@Catch()
class PassOn implements RpcExceptionFilter {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error);
  }
}

/** A service that runs, in this process. */
export interface RunningService {
  name: string;
  app: NestFastifyApplication;
  http: FastifyInstance;
  server: MessageServer;
}

/** Largest body of an HTTP request; the gateway lowers it per route. */
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** Starts a service: its Nest application, its messages, its health. It does not listen for HTTP: that is the runner's. */
export async function bootService(service: ServiceDefinition, runtime: Runtime): Promise<RunningService> {
  const log = logFor(runtime.logger, service.name);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(PlatformModule.forService(service, runtime), adapter, {
    logger: nestLogger(log),
    abortOnError: false,
    bufferLogs: false,
  });
  const http = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  registerHealthRoutes(http, runtime.health);
  const deadLetters = (): DeadLetterStore | null => app.get(DeadLetterStore, { strict: false });
  const hasDeadLetters = service.database !== undefined;
  const server = new MessageServer(service.name, runtime.wire, log, () => (hasDeadLetters ? deadLetters() : null));
  app.useGlobalFilters(new PassOn());
  app.connectMicroservice({ strategy: server }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.init();
  runtime.health.add({
    name: `${service.name}.messages`,
    required: true,
    check: () => {
      const missing = server.notReady() ?? runtime.wire.notReady();
      return missing === null ? Promise.resolve('messages arrive') : Promise.reject(new Error(missing));
    },
  });
  log.info({}, 'service ready');
  return { name: service.name, app, http, server };
}

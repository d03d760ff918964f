import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AppError, type Permission } from '@qa-pms/contracts';
import { type Caller, describeRequest, Health, Log, sendError, subjectOf, validatePayload } from '@qa-pms/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewaySettings } from '../gateway.settings.js';
import { apiDocument } from '../openapi/document.js';
import { serveDocumentation } from '../openapi/documentation.js';
import { ROUTES } from '../routes/all-routes.js';
import { payloadReader, withSentNames } from '../routes/payload.js';
import type { Route } from '../routes/route.js';
import { Access } from './access.js';
import { Answers } from './answers.js';
import { browserHeaders } from './headers.js';
import { parseBody } from './json-body.js';
import { Tokens } from './tokens.js';

/** Bodies of the REST API; only batches may be larger. */
const BODY_LIMIT_BYTES = 1024 * 1024;
const BASE = '/api/v1';

/**
 * Puts the API on Fastify. What all routes share are hooks here, not Nest's guards and interceptors: three of each were
 * measured to double the CPU of a request.
 */
@Injectable()
export class Edge implements OnModuleInit {
  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly tokens: Tokens,
    private readonly access: Access,
    private readonly answers: Answers,
    private readonly health: Health,
    private readonly log: Log,
    private readonly settings: GatewaySettings,
  ) {}

  async onModuleInit(): Promise<void> {
    const http = this.adapter.httpAdapter.getInstance<FastifyInstance>();
    http.removeAllContentTypeParsers();
    http.addContentTypeParser(
      ['application/json', 'application/*+json'],
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => {
        try {
          done(null, parseBody(body as Buffer));
        } catch (error) {
          done(error as Error);
        }
      },
    );
    http.addHook('onRequest', browserHeaders(this.settings.corsOrigins));
    this.health.signIn = (request) => this.authenticate(request, 'health:detailed', 'none');
    const errorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
      void sendError(error, request, reply, this.log);
    };
    http.get('/.well-known/jwks.json', { errorHandler }, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=60').send(await this.tokens.publicKeys()),
    );
    await serveDocumentation(http, `${BASE}/openapi.json`);
    await http.register(
      (api, _options, done) => {
        api.setErrorHandler((error, request, reply) =>
          sendError(withSentNames(error, request), request, reply, this.log),
        );
        const document = JSON.stringify(apiDocument(ROUTES, BASE));
        api.get('/openapi.json', async (_request, reply) =>
          reply.type('application/json; charset=utf-8').send(document),
        );
        for (const route of ROUTES) this.register(api, route);
        refuseOtherMethods(api);
        done();
      },
      { prefix: BASE },
    );
  }

  private register(api: FastifyInstance, route: Route): void {
    const read = payloadReader(route);
    api.route({
      method: route.method,
      url: route.path,
      bodyLimit: BODY_LIMIT_BYTES,
      onRequest: async (request) => {
        const { permission } = route.message.contract;
        if (!route.isPublic) await this.authenticate(request, permission, route.project);
      },
      handler: async (request, reply) => {
        const payload = read(request);
        validatePayload(route.message, payload);
        describeRequest(request, () => subject(route, payload));
        return this.answers.send(route, payload, request, reply);
      },
    });
  }

  private async authenticate(
    request: FastifyRequest,
    permission: Permission | null,
    project: Route['project'],
  ): Promise<void> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw new AppError('UNAUTHENTICATED');
    const { userId } = await this.tokens.verify(token, request.raw.socket);
    const caller = await this.callerOf(request, project, userId);
    request.messageContext.caller = caller;
    describeRequest(request, () => ({ 'user.id': userId, 'qa.project_id': caller.projectId ?? '' }));
    if (permission !== null && !caller.permissions.includes(permission))
      throw new AppError('FORBIDDEN', { permission });
  }

  private callerOf(request: FastifyRequest, project: Route['project'], userId: string): Promise<Caller> {
    if (project === 'none') return this.access.ofUser(userId);
    if (project === 'path') return this.access.inProject(userId, (request.params as { id: string }).id);
    const named = request.headers['x-project-id'];
    return this.access.inProject(userId, typeof named === 'string' && named !== '' ? named : null);
  }
}

/** What a request is about, for its span. */
function subject({ path }: Route, payload: Record<string, unknown>): Record<string, string> {
  const { id, key } = payload;
  return {
    ...subjectOf(payload),
    ...(path.startsWith('/workflows/:id') && typeof id === 'string' && { 'qa.workflow_id': id }),
    ...(path.startsWith('/tickets/:key') && typeof key === 'string' && { 'qa.ticket_key': key }),
  };
}

/** A path that exists under other methods answers 405 with them. */
function refuseOtherMethods(api: FastifyInstance): void {
  const allowed = new Map<string, string[]>();
  for (const { path, method } of ROUTES) allowed.set(path, [...(allowed.get(path) ?? []), method]);
  for (const [path, methods] of allowed) {
    const others = (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter((method) => !methods.includes(method));
    if (others.length === 0) continue;
    api.route({
      method: others,
      url: path,
      exposeHeadRoute: false,
      onRequest: (request, reply) => {
        void reply.header('allow', methods.join(', '));
        throw new AppError('METHOD_NOT_ALLOWED', { method: request.method, allowed: methods });
      },
      handler: () => undefined,
    });
  }
}

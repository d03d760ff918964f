// The same route in two places, for cost.ts: on a service's HTTP (request id, log line, metrics, validation, and traces
// where they are configured), and behind the gateway's whole edge. Neither does anything else.
import { Controller, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  type Access,
  type AccessChanges,
  GetAccessChanges,
  GetSigningKeys,
  type JsonWebKeySet,
  ResolveAccess,
} from '@qa-pms/contracts';
import { gatewayService } from '@qa-pms/gateway';
import {
  Configuration,
  defineService,
  Handle,
  processEnvironment,
  runServices,
  validatePayload,
} from '@qa-pms/platform';
import type { FastifyInstance } from 'fastify';
import { ROUTES } from '../../apps/gateway/src/routes/all-routes.js';
import { PutNote } from './note.js';

@Injectable()
class NoteRoute implements OnModuleInit {
  constructor(private readonly adapter: HttpAdapterHost) {}

  onModuleInit(): void {
    const http = this.adapter.httpAdapter.getInstance<FastifyInstance>();
    http.post('/notes/:id', async ({ body, params }) => {
      const note = { ...(body as object), ...(params as object) };
      validatePayload(PutNote, note);
      return note;
    });
  }
}

@Module({ providers: [NoteRoute] })
class NotesModule {}

/** Says to the gateway what identity would. */
@Controller()
class IdentityMessages {
  @Handle(GetSigningKeys)
  keys(): JsonWebKeySet {
    return { keys: [JSON.parse(process.env['BENCH_KEY'] ?? '') as JsonWebKeySet['keys'][0]] };
  }

  @Handle(ResolveAccess)
  access({ userId }: ResolveAccess): Access {
    return { userId, displayName: 'Quinn', roles: ['admin'], projects: [] };
  }

  @Handle(GetAccessChanges)
  changes(): AccessChanges {
    return { cursor: '1', everybody: false, userIds: [] };
  }
}

@Module({ controllers: [IdentityMessages] })
class IdentityModule {}

const foundation = defineService({ name: 'gateway', module: NotesModule, settings: [] });
const identity = defineService({ name: 'identity', module: IdentityModule, settings: [] });
ROUTES.push({
  method: 'POST',
  path: '/notes/:id',
  tag: 'Operations',
  summary: 'Keeps a note.',
  project: 'none',
  message: PutNote,
  answer: { sends: { 200: PutNote }, send: async ({ payload }, reply) => reply.send(payload) },
});

const { BENCH_KEY: isWhole, ...environment } = processEnvironment();
const configuration = await Configuration.load({ environment, file: null });
await runServices(isWhole ? [identity, gatewayService] : [foundation], { configuration });

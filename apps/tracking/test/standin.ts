import { type Role, permissionsOf, wireName, keyOf } from '@qa-pms/contracts';
import {
  bootService,
  createRuntime,
  InProcessWire,
  MessageBus,
  topicName,
  eventHeaders,
  SYSTEM,
  type Caller,
  runInContext,
} from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
export { startTestDatabase } from '../../../libs/testing/src/test-database.js';
export function testCaller(o: any): Caller {
  return {
    userId: o.userId ?? uuidv7(),
    displayName: 'x',
    projectId: o.projectId ?? null,
    permissions: permissionsOf(o.roles as Role[]),
    system: false,
  };
}
export async function startService(def: any, o: any): Promise<any> {
  const runtime = createRuntime(
    {
      DATABASE_URL: o.databaseUrl,
      DATABASE_MIGRATE_ON_START: 'true',
      ENCRYPTION_KEY: 'ab'.repeat(32),
      LOG_LEVEL: process.env['LL'] ?? 'error',
      ...o.settings,
    },
    def.name,
  );
  const wire = runtime.wire as InProcessWire;
  const seen: any[] = [];
  const orig = wire.publish.bind(wire);
  wire.publish = (events: any[]) => {
    for (const e of events) if (!seen.some((s) => s.headers.id === e.headers.id)) seen.push(e);
    return orig(events);
  };
  const service = await bootService(def, runtime);
  wire.allServing();
  const bus = new MessageBus(wire, { timeoutMs: 10000, maxInFlight: 1000 });
  const ctx = (caller: Caller) => ({
    messageId: uuidv7(),
    requestId: uuidv7(),
    traceparent: null,
    deadline: null,
    caller,
    idempotencyHash: null,
  });
  return {
    request: (m: any, p: any, { caller }: any) => bus.request(m, p, { caller }),
    published: async (E: any) => {
      await new Promise((r) => setTimeout(r, 700));
      return seen.filter((e) => e.headers.name === wireName(E.contract)).map((e) => JSON.parse(e.body));
    },
    deliver: async (E: any, p: any) => {
      const context = ctx(SYSTEM);
      await runInContext(context, async () => {
        await Promise.all(
          wire.publish([
            {
              topic: topicName('', E.contract.service, 'events'),
              key: keyOf(E.contract, p),
              headers: eventHeaders(wireName(E.contract), context.messageId, context),
              body: JSON.stringify(p),
            },
          ] as any),
        );
      });
    },
    get: (t: any) => service.app.get(t, { strict: false }),
    stop: () => service.app.close(),
  };
}
export type TestService = any;

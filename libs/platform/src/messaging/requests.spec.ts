import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { query, TextField, wireName } from '@qa-pms/contracts';
import { type Caller, type MessageContext, SYSTEM } from '../context.js';
import { createRootLogger, logFor } from '../log.js';
import { Keyring, useKeyring } from '../secrets.js';
import { type Envelope, type ReplyEnvelope, requestHeaders } from './envelope.js';
import { InProcessWire } from './in-process-wire.js';
import { MessageBus } from './message-bus.js';
import { MessageServer } from './message-server.js';

class Answer {
  @TextField({ description: 'What was said.', max: 100 })
  said!: string;
}
class Ask extends query({ service: 'workflow', name: 'ask', reply: Answer, permission: 'tickets:read' }) {
  @TextField({ description: 'What to say.', max: 100 })
  say!: string;
}

const NAME = wireName(Ask.contract);
const READER: Caller = { ...SYSTEM, system: false, permissions: ['tickets:read'] };

beforeAll(() => {
  useKeyring(new Keyring(randomBytes(32).toString('hex')));
});

/** A service that answers what it was asked, as soon as `open` is resolved. */
async function serve(open: Promise<void> = Promise.resolve()) {
  const wire = new InProcessWire();
  const asked: string[] = [];
  const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'workflow');
  const server = new MessageServer('workflow', wire, log, () => null);
  const answer = async ({ say }: Ask): Promise<Answer> => {
    asked.push(say);
    await open;
    return { said: say };
  };
  server.addHandler(`workflow.${NAME}`, answer, false, { message: Ask, isTogether: false });
  await new Promise<unknown>((resolve) => {
    server.listen(resolve);
  });
  const send = (envelope: Envelope): Promise<ReplyEnvelope> => wire.request('workflow', 'query', envelope);
  return { wire, asked, send };
}

/** A request as the bus makes it, signed. */
function request(values: Partial<MessageContext> & { deadline?: number } = {}): Envelope {
  const body = JSON.stringify({ say: 'hello' });
  const context = {
    messageId: 'm1',
    requestId: 'r1',
    deadline: Date.now() + 10_000,
    idempotencyHash: null,
    caller: READER,
    ...values,
  };
  return { key: null, headers: requestHeaders(NAME, context, body), body };
}

describe('a service that is asked', () => {
  it('answers what is signed', async () => {
    const { send } = await serve();

    await expect(send(request())).resolves.toEqual({ ok: true, body: '{"said":"hello"}' });
  });

  it.each<[string, (envelope: Envelope) => Envelope]>([
    ['name', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, name: 'other.v1' } })],
    ['id', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, id: 'm2' } })],
    ['user', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, user: 'somebody' } })],
    ['project', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, project: 'another' } })],
    ['permissions', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, permissions: 'users:write' } })],
    ['deadline', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, deadline: '9999999999999' } })],
    ['system flag', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, system: '1' } })],
    ['idempotency hash', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, idempotency: 'x' } })],
    ['payload', (envelope) => ({ ...envelope, body: JSON.stringify({ say: 'bye' }) })],
    ['signature', ({ headers, ...rest }) => ({ ...rest, headers: { ...headers, signature: '' } })],
  ])('refuses a request whose %s is not what was signed', async (_what, forge) => {
    const { send, asked } = await serve();

    const reply = await send(forge(request()));

    expect(reply.ok).toBe(false);
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(asked).toEqual([]);
  });

  it('refuses a caller who lacks the permission', async () => {
    const { send, asked } = await serve();

    const reply = await send(request({ caller: { ...READER, permissions: ['members:read'] } }));

    expect(JSON.parse(reply.body)).toEqual({ code: 'FORBIDDEN', details: { permission: 'tickets:read' } });
    expect(asked).toEqual([]);
  });

  it('drops what has expired, unanswered', async () => {
    const { send, asked } = await serve();

    // In process nothing is answered at all: the next answer comes first.
    const first = await Promise.race([
      send(request({ deadline: Date.now() - 1 })).then(() => 'expired'),
      send(request()).then(() => 'in time'),
    ]);

    expect(first).toBe('in time');
    expect(asked).toEqual(['hello']);
  });

  it('handles 500 at once; more wait for their turn', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { send, asked } = await serve(promise);

    const replies = Array.from({ length: 501 }, () => send(request()));
    await new Promise(setImmediate);
    const atOnce = asked.length;
    resolve(undefined);
    await Promise.all(replies);

    expect([atOnce, asked.length]).toEqual([500, 501]);
  });
});

describe('the bus', () => {
  it('refuses more than may wait for answers at once, and takes more as soon as one has come', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { wire, asked } = await serve(promise);
    const bus = new MessageBus(wire, 'gateway', { requestTimeoutMs: 10_000, requestMaxInFlight: 2 });
    const ask = (say: string): Promise<Answer> => bus.request(Ask, { say }, { caller: READER });
    const taken = [ask('one'), ask('two')];

    await expect(ask('three')).rejects.toMatchObject({ code: 'OVERLOADED', details: { upstream: 'workflow' } });
    resolve(undefined);
    await Promise.all(taken);

    await expect(ask('four')).resolves.toEqual({ said: 'four' });
    expect(asked).toEqual(['one', 'two', 'four']);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AppError,
  GetProject,
  GetSigningKeys,
  GetTicket,
  GetWorkflow,
  ListTickets,
  ResolveAccess,
  UpdateMe,
  UpdateReport,
  UpdateStep,
  type Workflow,
} from '@qa-pms/contracts';
import { startService, stub, type TestService } from '@qa-pms/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { gatewayService } from '../src/service.js';
import { ROUTES } from '../src/routes/all-routes.js';

const USER = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';
const PROJECT = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e60';
const ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e61';
/** A user and a workflow that are answered late: each within the deadline, both together not. */
const SLOW = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e62';
const [SLOW_MS, DEADLINE_MS] = [700, 1_000];

const JOINED = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e63';
const ADMIN = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e64';

const memberships = [
  { id: PROJECT, key: 'DEMO', name: 'Demo', roles: ['qa'] },
  { id: ID, key: 'PIPE', name: 'Pipeline', roles: ['event_viewer'] },
];
let gateway: TestService;
let token: string;
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
let lastTicketQuery: ListTickets | null = null;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function send(
  method: Method,
  url: string,
  options: { body?: string | Buffer; headers?: Record<string, string> } = {},
) {
  const { body, headers = {} } = options;
  const answer = await gateway.http.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
  });
  const isJson = String(answer.headers['content-type']).includes('json');
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: isJson ? answer.json() : {},
    text: answer.body,
  };
}

function tokenOf(claims: Record<string, unknown>, expires = '5m', issuer = 'qa-pms'): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setSubject(typeof claims['sub'] === 'string' ? claims['sub'] : USER)
    .setIssuer(issuer)
    .setAudience('qa-pms')
    .setIssuedAt(claims['iat'] as number | undefined)
    .setNotBefore('0s')
    .setExpirationTime(expires)
    .sign(privateKey);
}

beforeAll(async () => {
  const pair = await generateKeyPair('RS256');
  privateKey = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' } as never;
  gateway = await startService(gatewayService, {
    settings: { REQUEST_TIMEOUT_MS: String(DEADLINE_MS) },
    stubs: [
      stub(GetSigningKeys, () => ({ keys: [jwk] })),
      stub(ResolveAccess, async ({ userId }) => {
        if (userId === SLOW) await sleep(SLOW_MS);
        return { userId, displayName: 'Quinn', roles: userId === ADMIN ? ['admin'] : [], projects: memberships };
      }),
      stub(UpdateMe, () => {
        memberships.push({ id: JOINED, key: 'JOINED', name: 'Joined', roles: ['qa'] });
        return { id: USER } as never;
      }),
      stub(GetProject, ({ id }) => ({ id }) as never),
      stub(ListTickets, (query) => {
        lastTicketQuery = query;
        return {
          data: [],
          pagination: { page: 1, pageSize: 20, totalItems: 0, totalPages: 0 },
          freshness: { source: 'jira' as const, fetchedAt: null, stale: true },
        };
      }),
      stub(GetTicket, ({ key }) => {
        throw key === 'DEMO-1'
          ? new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'jira' })
          : new AppError('TICKET_NOT_FOUND', { key });
      }),
      stub(GetWorkflow, async ({ id }) => {
        if (id === SLOW) await sleep(SLOW_MS);
        return { id, rowVersion: 7 } as Workflow;
      }),
      stub(UpdateStep, (command) => ({ id: command.id, rowVersion: 8, steps: [command] }) as never),
      stub(UpdateReport, () => ({ rowVersion: 3 }) as never),
    ],
  });
  token = await tokenOf({});
}, 60_000);

afterAll(() => gateway.stop());

const DEMO = { 'x-project-id': 'DEMO' };

describe('the deadline', () => {
  it('is one for all that a request needs', async () => {
    const authorization = `Bearer ${await tokenOf({ sub: SLOW })}`;

    const { status, headers, body } = await send('GET', `/api/v1/workflows/${SLOW}`, {
      headers: { ...DEMO, authorization },
    });

    expect([status, headers['retry-after']]).toEqual([504, '1']);
    expect(body).toMatchObject({ code: 'UPSTREAM_TIMEOUT', details: { upstream: 'workflow' } });
  });
});

describe('the error contract', () => {
  it.each([
    ['GET', '/api/v1/nothing', {}, 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/nothing', {}, 404, 'ROUTE_NOT_FOUND'],
    ['DELETE', '/api/v1/tickets', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/api/v1/tickets', {}, 400, 'PROJECT_REQUIRED'],
    ['GET', '/api/v1/tickets', { 'x-project-id': 'NOPE' }, 404, 'PROJECT_NOT_FOUND'],
    ['GET', '/api/v1/tickets', { 'x-project-id': 'PIPE' }, 403, 'FORBIDDEN'],
    ['GET', '/api/v1/tickets/DEMO-2', DEMO, 404, 'TICKET_NOT_FOUND'],
    ['GET', '/api/v1/tickets/DEMO-1', DEMO, 503, 'UPSTREAM_UNAVAILABLE'],
    ['GET', '/api/v1/tickets/%ff', DEMO, 400, 'VALIDATION_ERROR'],
    ['GET', '/api/v1/tickets?pagesize=1', DEMO, 400, 'VALIDATION_ERROR'],
    ['GET', '/api/v1/tickets?q=%00', DEMO, 400, 'VALIDATION_ERROR'],
    ['GET', '/api/v1/tickets?__proto__=1', DEMO, 400, 'VALIDATION_ERROR'],
    ['GET', '/api/v1/tickets?page=99999999999999999999', DEMO, 400, 'VALIDATION_ERROR'],
    ['GET', '/api/v1/tickets?page=1&page=2', DEMO, 400, 'VALIDATION_ERROR'],
  ] as [Method, string, Record<string, string>, number, string][])(
    '%s %s %j is %i %s',
    async (method, url, headers, status, code) => {
      const answer = await send(method, url, { headers });

      expect(answer).toMatchObject({
        status,
        body: { code, error: expect.any(String), requestId: expect.any(String), traceId: null },
      });
    },
  );

  it('says when to come back', async () => {
    const answer = await send('GET', '/api/v1/tickets/DEMO-1', { headers: DEMO });

    expect(answer.headers['retry-after']).toBe('1');
  });

  it('is told as RFC 9457 where that is asked for', async () => {
    const answer = await send('GET', '/api/v1/tickets/DEMO-2', {
      headers: { ...DEMO, accept: 'application/problem+json' },
    });

    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      status: 404,
      code: 'TICKET_NOT_FOUND',
      title: 'No ticket DEMO-2 in this project.',
    });
  });

  it('carries the request id of the client where it is well-formed', async () => {
    const own = await send('GET', '/api/v1/nothing', { headers: { 'x-request-id': 'abc.1' } });
    const odd = await send('GET', '/api/v1/nothing', { headers: { 'x-request-id': 'no spaces please' } });

    expect(own.body['requestId']).toBe('abc.1');
    expect(own.headers['x-correlation-id']).toBe('abc.1');
    expect(odd.body['requestId']).not.toBe('no spaces please');
  });
});

describe('tokens', () => {
  it.each([
    ['none', () => Promise.resolve('')],
    ['garbage', () => Promise.resolve('a.b.c')],
    ['an expired one', () => tokenOf({}, '-1m')],
    ['that of another issuer', () => tokenOf({}, '5m', 'somebody')],
    ['one of the future', () => tokenOf({ iat: Math.floor(Date.now() / 1_000) + 60 })],
    [
      'one without a signature',
      () =>
        Promise.resolve(
          `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(`{"sub":"${USER}","iss":"qa-pms","aud":"qa-pms"}`).toString('base64url')}.`,
        ),
    ],
  ])('refuses %s', async (_name, make) => {
    const answer = await send('GET', '/api/v1/tickets', {
      headers: { ...DEMO, authorization: `Bearer ${await make()}` },
    });

    expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  });
});

describe('payloads', () => {
  it('are made of snake_case parameters with their types', async () => {
    const answer = await send('GET', '/api/v1/tickets?page_size=5&sort_by=-updated_at&q=100%25', { headers: DEMO });

    expect(answer.status).toBe(200);
    expect(lastTicketQuery).toEqual({ pageSize: 5, sortBy: '-updated_at', q: '100%' });
  });

  it('tell versions as ETag and demand If-Match where it matters', async () => {
    const read = await send('GET', `/api/v1/workflows/${ID}`, { headers: DEMO });
    const without = await send('PATCH', `/api/v1/reports/${ID}`, { headers: DEMO, body: '{}' });
    const odd = await send('PATCH', `/api/v1/reports/${ID}`, { headers: { ...DEMO, 'if-match': 'W/"x"' }, body: '{}' });
    const right = await send('PATCH', `/api/v1/reports/${ID}`, { headers: { ...DEMO, 'if-match': '"2"' }, body: '{}' });
    const inBody = await send('PATCH', `/api/v1/reports/${ID}`, {
      headers: { ...DEMO, 'if-match': '"2"' },
      body: '{"expectedVersion": 2}',
    });
    const any = await send('PATCH', `/api/v1/reports/${ID}`, { headers: { ...DEMO, 'if-match': '*' }, body: '{}' });

    expect(read.headers['etag']).toBe('"7"');
    expect(without).toMatchObject({ status: 428, body: { code: 'PRECONDITION_REQUIRED' } });
    expect(odd.status).toBe(412);
    expect(any.status).toBe(412);
    expect(inBody).toMatchObject({ status: 400, body: { code: 'VALIDATION_ERROR' } });
    expect(right.status).toBe(200);
  });
});

describe('memberships', () => {
  it('are those after a change of identity as soon as that is answered', async () => {
    const before = await send('GET', `/api/v1/projects/${JOINED}`);
    const change = await send('PATCH', '/api/v1/auth/me', { body: '{"language": "en"}' });
    const after = await send('GET', `/api/v1/projects/${JOINED}`);

    expect([before.status, change.status, after.status]).toEqual([404, 200, 200]);
  });
});

describe('hostile bodies', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const bodies: [string, string | Buffer, number][] = [
    ['broken JSON', '{"notes": ', 400],
    ['NUL', '{"notes": "a\\u0000b"}', 400],
    ['a lone surrogate', '{"notes": "\\ud800"}', 400],
    ['depth 10,000', deep, 400],
    ['depth 10,000 in a field', `{"links": ${deep}}`, 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ['a prototype key', '{"__proto__": {"notes": "x"}}', 400],
    ['a constructor key', '{"constructor": {"prototype": {}}}', 400],
    ['a list', '[]', 400],
    ['a number', '1', 400],
    ['wrong types', '{"notes": {"$gt": ""}}', 400],
    ['a huge number', '{"bugs": [1e400]}', 400],
    ['an unknown field', '{"note": "x"}', 400],
    ['10 MB', `{"notes": "${'x'.repeat(10_000_000)}"}`, 413],
  ];

  it.each(bodies)('%s is refused', async (_name, body, status) => {
    const answer = await send('PATCH', `/api/v1/workflows/${ID}/steps/0`, { headers: DEMO, body });

    expect(answer).toMatchObject({ status, body: { code: expect.any(String), error: expect.any(String) } });
  });

  it('are refused as anything but JSON', async () => {
    const answer = await send('PATCH', `/api/v1/workflows/${ID}/steps/0`, {
      headers: { ...DEMO, 'content-type': 'text/xml' },
      body: '<a/>',
    });

    expect(answer).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
  });
});

describe('the API document', () => {
  it('is OpenAPI 3.1 in which every reference resolves, with an example in every answer', async () => {
    const { body: document, text } = await send('GET', '/api/v1/openapi.json');
    const schemas = (document['components'] as { schemas: object }).schemas;
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);
    const operations = Object.values(
      document['paths'] as Record<
        string,
        Record<
          string,
          { operationId: string; responses: Record<string, { content?: Record<string, { example?: unknown }> }> }
        >
      >,
    ).flatMap((path) => Object.values(path));
    const ids = operations.map(({ operationId }) => operationId);
    const withoutExample = operations.filter(({ responses }) =>
      Object.entries(responses).some(
        ([status, { content }]) =>
          status.startsWith('2') && status !== '204' && content?.['application/json']?.example === undefined,
      ),
    );

    expect(document['openapi']).toBe('3.1.0');
    expect(references.filter((name) => !(name in schemas))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(ROUTES.length);
    expect(withoutExample).toEqual([]);
  });

  it('is shown by Swagger UI from our own files', async () => {
    const page = await send('GET', '/docs/index.html');
    const script = await send('GET', '/docs/swagger-initializer.js');
    const bundle = await send('GET', '/docs/swagger-ui-bundle.js');

    expect(page).toMatchObject({
      status: 200,
      headers: { 'content-security-policy': expect.stringContaining("default-src 'self'") },
    });
    expect(script.text).toContain('/api/v1/openapi.json');
    expect(bundle.status).toBe(200);
  });
});

describe('headers', () => {
  it('keep browsers from doing more than they should', async () => {
    const answer = await send('GET', '/api/v1/openapi.json');

    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
  });
});

describe('the details of health', () => {
  const detailed = (authorization: string): ReturnType<typeof send> =>
    send('GET', '/health/detailed', { headers: { authorization } });

  it('are shown to administrators, and to nobody else', async () => {
    const [nobody, expired, user, admin] = await Promise.all([
      detailed(''),
      detailed(`Bearer ${await tokenOf({}, '-1m')}`),
      detailed(`Bearer ${token}`),
      detailed(`Bearer ${await tokenOf({ sub: ADMIN })}`),
    ]);

    expect(nobody).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED', requestId: expect.any(String) } });
    expect(expired).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(user).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', details: { permission: 'health:detailed' } },
    });
    expect(admin).toMatchObject({ status: 200, body: { checks: { consumer: { message: 'messages arrive' } } } });
  });
});

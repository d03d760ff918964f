import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AppError,
  ExportedReport,
  ExportReport,
  FinaliseReport,
  GetAccessChanges,
  GetProject,
  GetSigningKeys,
  GetTicket,
  GetUser,
  GetWorkflow,
  GetWorkflowTime,
  ListTickets,
  ResolveAccess,
  StartWorkflow,
  UpdateMe,
  UpdateProject,
  UpdateReport,
  UpdateStep,
  Workflow,
  WorkflowTime,
} from '@qa-pms/contracts';
import { startService, stub, type TestService } from '@qa-pms/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { gatewayService } from '../src/service.js';
import { apiDocument } from '../src/openapi/document.js';
import { exampleOf } from '../src/openapi/schemas.js';
import { ROUTES } from '../src/routes/all-routes.js';
import { WorkflowSummary } from '../src/routes/workflow-summary.js';

const USER = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';
const PROJECT = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e60';
const ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e61';
/** A user and a workflow that are answered late: each within the deadline, both together not. */
const SLOW = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e62';
/** A workflow that is answered whole. */
const WHOLE = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e65';
const [SLOW_MS, DEADLINE_MS] = [1_600, 3_000];

const JOINED = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e63';
const ADMIN = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e64';

const memberships = [
  { id: PROJECT, key: 'DEMO', name: 'Demo', roles: ['qa'] },
  { id: ID, key: 'PIPE', name: 'Pipeline', roles: ['event_viewer'] },
];
/** Users whose access has changed since the gateway asked last. */
const changed: string[] = [];
let gateway: TestService;
let token: string;
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
let lastTicketQuery: ListTickets | null = null;
/** Versions that changes of reports were based on; null: whatever there was. */
const expectedVersions: (number | null)[] = [];

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
      stub(GetAccessChanges, () => ({ cursor: '1', everybody: false, userIds: changed.splice(0) })),
      stub(UpdateMe, () => {
        changed.push(USER);
        memberships.push({ id: JOINED, key: 'JOINED', name: 'Joined', roles: ['qa'] });
        return { id: USER } as never;
      }),
      // As identity answered before it counted changes.
      stub(GetProject, ({ id }) => ({ id }) as never),
      stub(UpdateProject, ({ id, expectedVersion }) => {
        if (expectedVersion !== 2) throw new AppError('PRECONDITION_FAILED', { rowVersion: 2 });
        return { id, rowVersion: 3 } as never;
      }),
      stub(GetUser, ({ id }) => ({ id, rowVersion: 5 }) as never),
      stub(ListTickets, (query) => {
        lastTicketQuery = query;
        // A rule that only the service knows names the field of its message.
        if (query.q === 'refused') throw AppError.invalid('timeZone', 'isTimeZone', 'must be a time zone');
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
        return id === WHOLE ? (exampleOf(Workflow) as unknown as Workflow) : ({ id, rowVersion: 7 } as Workflow);
      }),
      stub(GetWorkflowTime, () => exampleOf(WorkflowTime) as never),
      stub(StartWorkflow, ({ onActive }) => ({
        workflow: exampleOf(Workflow) as never,
        result: onActive === 'resume' ? ('resumed' as const) : ('started' as const),
      })),
      stub(ExportReport, () => exampleOf(ExportedReport) as never),
      stub(UpdateStep, (command) => ({ id: command.id, rowVersion: 8, steps: [command] }) as never),
      stub(UpdateReport, (command) => {
        expectedVersions.push(command.expectedVersion ?? null);
        return { rowVersion: 3 } as never;
      }),
      stub(FinaliseReport, () => ({ rowVersion: 3 }) as never),
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

  it.each([
    ['/tickets?page_size=1000', 'page_size', 'page_size must not be greater than 100'],
    ['/tickets?sort_by=anything', 'sort_by', expect.stringContaining('sort_by must be one of')],
    ['/tickets?some_thing=1', 'some_thing', 'property some_thing should not exist'],
    ['/tickets?pageSize=5', 'pageSize', 'query parameter pageSize should not exist'],
    ['/tickets?q=refused', 'time_zone', 'must be a time zone'],
    ['/reports/workflow/no-id', 'workflowId', 'workflowId must be a UUID'],
  ])('have their faults told under the names that they were sent with: %s', async (path, name, message) => {
    const answer = await send('GET', `/api/v1${path}`, { headers: DEMO });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      details: { violations: expect.arrayContaining([{ path: name, rule: expect.any(String), message }]) },
    });
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
    const finalised = await send('POST', `/api/v1/reports/${ID}/finalise`, { headers: DEMO });

    expect(read.headers['etag']).toBe('"7"');
    expect(without).toMatchObject({ status: 428, body: { code: 'PRECONDITION_REQUIRED' } });
    expect(odd.status).toBe(412);
    expect(inBody).toMatchObject({ status: 400, body: { code: 'VALIDATION_ERROR' } });
    expect(right.status).toBe(200);
    expect(finalised).toMatchObject({ status: 428, body: { code: 'PRECONDITION_REQUIRED' } });
  });

  it('take * in If-Match for whatever version there is, and say what else it may hold', async () => {
    const change = (ifMatch: string) =>
      send('PATCH', `/api/v1/reports/${ID}`, { headers: { ...DEMO, 'if-match': ifMatch }, body: '{}' });
    expectedVersions.length = 0;

    const any = await change('*');
    const others = [await change('"1", "2"'), await change('3')];

    expect([any.status, expectedVersions]).toEqual([200, [null]]);
    for (const { status, body } of others) {
      expect([status, body]).toMatchObject([400, { details: { violations: [{ path: 'If-Match' }] } }]);
    }
  });

  it('tell versions of what identity keeps, and take If-Match for it', async () => {
    const headers = { authorization: `Bearer ${await tokenOf({ sub: ADMIN })}` };
    const change = (ifMatch: string) =>
      send('PATCH', `/api/v1/projects/${PROJECT}`, { headers: { ...headers, 'if-match': ifMatch }, body: '{}' });

    const user = await send('GET', `/api/v1/users/${USER}`, { headers });
    const uncounted = await send('GET', `/api/v1/projects/${PROJECT}`);
    const [stale, right] = [await change('"999"'), await change('"2"')];

    expect(user.headers['etag']).toBe('"5"');
    expect([uncounted.status, uncounted.headers['etag']]).toEqual([200, undefined]);
    expect(stale).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED', details: { rowVersion: 2 } } });
    expect(right).toMatchObject({ status: 200, headers: { etag: '"3"' } });
  });

  it('take If-Match and tell the version wherever something is edited', () => {
    const edits = ROUTES.filter(({ method }) => method === 'PATCH' || method === 'PUT');
    const without = edits.filter(({ ifMatch, version }) => !ifMatch || !version);

    expect(without.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

describe('answers of more than one message', () => {
  it('are the workflow that was started, or resumed', async () => {
    const started = await send('POST', '/api/v1/workflows', { headers: DEMO, body: '{"ticketKey": "DEMO-1"}' });
    const body = '{"ticketKey": "DEMO-1", "onActive": "resume"}';
    const resumed = await send('POST', '/api/v1/workflows', { headers: DEMO, body });

    const whole = { headers: { etag: '"1"' }, body: exampleOf(Workflow) };
    expect(started).toMatchObject({ status: 201, ...whole });
    expect(resumed).toMatchObject({ status: 200, ...whole });
  });

  it('are what is known of a workflow', async () => {
    const { status, body } = await send('GET', `/api/v1/workflows/${WHOLE}/summary`, { headers: DEMO });

    // Its step has no notes.
    expect([status, body]).toEqual([200, { ...exampleOf(WorkflowSummary), notes: [] }]);
  });

  it('are a file', async () => {
    const { status, headers, text } = await send('GET', `/api/v1/reports/${ID}/export`, { headers: DEMO });

    expect([status, text]).toEqual([200, '# QA report DEMO-1']);
    expect(headers).toMatchObject({
      'content-type': 'text/markdown; charset=utf-8',
      'content-disposition': 'attachment; filename="QA-DEMO-1-report-2026-11-21.md"',
    });
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
  it('is served to everybody', async () => {
    const answer = await send('GET', '/api/v1/openapi.json', { headers: { authorization: '' } });

    expect(answer).toMatchObject({ status: 200, body: apiDocument(ROUTES, '/api/v1') });
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

describe('keys that identity does not tell', () => {
  it('are refused with the error contract', async () => {
    const alone = await startService(gatewayService, {
      stubs: [
        stub(GetSigningKeys, () => {
          throw new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'identity' });
        }),
        stub(GetAccessChanges, () => ({ cursor: '1', everybody: false, userIds: [] })),
      ],
    });

    const answer = await alone.http.inject('/.well-known/jwks.json');
    await alone.stop();

    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(answer.json()).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', requestId: expect.any(String) });
  });
});

describe('a path below /health that nobody serves', () => {
  it('is counted as any other', async () => {
    const counted = async (): Promise<number> => {
      const { text } = await send('GET', '/metrics');
      const lines = text
        .split('\n')
        .filter((line) => /^http_requests_total\{.*path="unknown".*status="404"/.test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const before = await counted();

    const { status } = await send('GET', '/health/nothing');
    await send('GET', '/health/live');

    expect([status, await counted()]).toEqual([404, before + 1]);
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

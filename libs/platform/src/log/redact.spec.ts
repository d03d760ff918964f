import { describe, expect, it } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import { QueryFailedError } from 'typeorm';
import pg from 'pg';
import { isSecretName, redactFacts } from './redact.js';
import { redactText, redactUrl } from './redact-text.js';

const SECRET = 'hunter2Zx9-Kq';
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyWng5In0.c2lnbmF0dXJlLWh1bnRlcjI';
const API_KEY = `qa_${'hunter2Zx9KqAb0-'.repeat(3)}`;
const ATLASSIAN = 'ATATT3xFfGF0hunter2Zx9=ABCDEF12';
const HEX = 'f00dcafe'.repeat(8);
const PEM = `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg/hunter2\n${HEX}\n-----END PRIVATE KEY-----`;
const inJson = (times: number, value: unknown): string =>
  times === 0 ? JSON.stringify(value) : JSON.stringify({ body: inJson(times - 1, value) });
const BASIC = `Basic ${Buffer.from(`me:${SECRET}`).toString('base64')}`;

/** Secrets that a text shows by their own form, wherever it comes from. */
const TELLING = {
  'a JWT': JWT,
  'a bearer token': `Bearer ${SECRET}`,
  'basic credentials': BASIC,
  'an API key of ours': API_KEY,
  'an Atlassian token': ATLASSIAN,
  'an address with a password': `postgres://app:${SECRET}@db:5432/app`,
  'an address with a token in its query': `https://jira.example/rest?page=2&token=${SECRET}`,
  'an address with the code of a sign-in': `/callback?code=${SECRET}&page=2`,
  'a name with its value': `password=${SECRET}`,
  'a JSON text': JSON.stringify({ user: 'me', apiToken: SECRET }),
  'a JSON text in a JSON text': inJson(1, { refreshToken: SECRET }),
  'a JSON text four levels down': inJson(4, { refreshToken: `x"${SECRET}` }),
  'a JSON text that was cut': `{"name":"x","clientSecret":"${SECRET}`,
  'a header line': `Cookie: session=${SECRET}; theme=dark`,
  'a header line with quotes': `Cookie: sid="${SECRET}"; theme='${SECRET}'`,
  'a header line with its name': `Authorization: Digest username="u", realm='a', response="${SECRET}"`,
  'a header in a JSON text': inJson(2, { 'set-cookie': [`sid="${SECRET}"`, `other=${SECRET}`] }),
  'header lines in a JSON text': inJson(0, `GET / HTTP/1.1\r\nCookie: sid=${SECRET}\r\nHost: x`),
  'a master key': `ENCRYPTION_KEY=${HEX}`,
  'a master key by the name of its setting': `encryption.key: "${HEX}"`,
  'a previous key': `{ previousKeys: '${HEX}', other: 1 }`,
  'a private key': `It was ${PEM}`,
  'a private key that was cut': `{"key":"-----BEGIN EC PRIVATE KEY-----\\nMIIEvQIBADANBg/${SECRET}`,
  'an address with an opaque jwt': `/callback?jwt=${SECRET}`,
  'an address with a pass': `/login?user=me&pass=${SECRET}`,
  'an address that is signed': `https://s3.example/a?X-Amz-Date=1&X-Amz-Signature=${SECRET}&page=2`,
  'an address with an auth': `/login?auth=${SECRET}`,
  'an address in an address': `/go?to=https%3A%2F%2Fx%2F%3Faccess_token%3D${SECRET}%26page%3D2`,
  'the code of a sign-in in an address in an address': `/go?to=%252Fback%253Fpage%253D2%2526code%253D${SECRET}`,
  'an address behind what looks like one': `code=1,url=https://idp.example/cb?code=${SECRET}`,
  'a form': `code=${SECRET}&grant_type=authorization_code`,
  'a form after some words': `It sent "state=${SECRET}&page=2"`,
  'the pass of a setting': `smtpPass=${SECRET}`,
  'the pass of an account': `{ user: 'me', pass: '${SECRET}' }`,
};

/** Names whose value is secret, whatever its form. */
const NAMES = [
  ...[
    'password',
    'newPassword',
    'passwordHash',
    'apiToken',
    'api_token',
    'refreshToken',
    'accessToken',
    'access_token',
  ],
  ...[
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'X-Api-Key',
    'apiKey',
  ],
  ...['secret', 'clientSecret', 'encryptionKey', 'ENCRYPTION_KEY', 'privateKey', 'credentials', 'tokens', 'pwd'],
  ...['privateKeyPem', 'signing_key_pem', 'pass', 'smtpPass'],
];

const fails = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);
const databaseError = (fields: object): Error =>
  Object.assign(new pg.DatabaseError('duplicate key', 100, 'error'), { severity: 'ERROR', code: '23505', ...fields });
const nested = (depth: number, value: unknown): object =>
  depth === 0 ? { value } : { inner: nested(depth - 1, value) };

/** Where a text of any kind may stand in a line. */
const PLACES: Record<string, (text: string) => object> = {
  'a fact': (text) => ({ detail: text }),
  'a header': (text) => ({ headers: { referer: text } }),
  'a body': (text) => ({ body: { notes: text } }),
  'an array': (text) => ({ several: ['a', text, 'c'] }),
  'an array of arrays': (text) => ({ several: [[[text]]] }),
  'six levels down': (text) => nested(6, text),
  'the message and stack of an error': (text) => ({ err: fails(`It broke: ${text}`) }),
  'the cause of a cause': (text) => ({ err: new Error('a', { cause: new Error('b', { cause: fails(text) }) }) }),
  'one of several errors': (text) => ({ err: new AggregateError([fails(text)], 'all failed') }),
  'a property of an error': (text) => ({ err: fails('x', { response: { body: text } }) }),
  'a cause that is no error': (text) => ({ err: new Error('a', { cause: { text } }) }),
  'the cause of an error of ours': (text) => ({ err: new AppError('INTERNAL_ERROR', {}, { cause: fails(text) }) }),
  'an error that is not called err': (text) => ({ reason: [fails(text)] }),
  'a key': (text) => ({ seen: { [text]: 1 } }),
  'an object with a JSON form': (text) => ({ one: { toJSON: () => ({ text }) } }),
};

describe('a line of the log', () => {
  for (const [place, put] of Object.entries(PLACES)) {
    for (const [kind, text] of Object.entries(TELLING)) {
      it(`does not show ${kind} in ${place}`, () => {
        const shown = JSON.stringify(redactFacts(put(text)));

        expect(shown).toContain('[redacted]');
        expect(shown).not.toMatch(/hunter2|f00dcafe|aHVudGVy|bWU6aHVu/);
      });
    }
  }

  for (const name of NAMES) {
    it(`does not show what stands under ${name}, at any depth`, () => {
      const line = { [name]: SECRET, list: [{ [name]: [SECRET] }], deep: nested(6, { [name]: { value: SECRET } }) };

      const shown = JSON.stringify(redactFacts({ ...line, err: fails('x', { [name]: SECRET }) }));

      expect(shown).not.toContain('hunter2');
    });
  }

  it.each([
    ['the query of a request', { query: { code: SECRET, state: SECRET } }],
    ['raw headers', { rawHeaders: ['Host', 'a', 'Authorization', SECRET, 'X-Api-Key', SECRET] }],
    ['headers in turn', { headers: ['Host', 'a', 'cookie', `sid=${SECRET}`, 'x-api-key', SECRET] }],
    ['headers as objects', { headers: [{ name: 'Authorization', value: `Token ${SECRET}` }] }],
    ['what stands beside its name', { fields: [{ key: 'apiToken', value: { inner: SECRET } }] }],
    ['entries of headers', { headers: [['cookie', SECRET]] }],
    ['a Buffer', { data: Buffer.from(SECRET) }],
    ['a Buffer that was JSON', { data: Buffer.from(SECRET).toJSON() }],
    ['a typed array', { data: new Uint8Array(Buffer.from(SECRET)) }],
    ['an address as object', { url: new URL(`https://me:${SECRET}@demo.example/?token=${SECRET}`) }],
    ['a statement', { query: 'SELECT $1', parameters: [SECRET] }],
    ['a statement of pg', { options: { text: 'SELECT $1', values: [SECRET] }, bindings: { name: SECRET } }],
    ['parameters of a statement', { err: new QueryFailedError('SELECT $1', [SECRET], new Error('failed')) }],
    ['detail of PostgreSQL', { err: databaseError({ detail: `Key (name)=(${SECRET}) already exists.` }) }],
    ['a failing row', { err: databaseError({ detail: `Failing row contains (1, ${SECRET}, null).` }) }],
    ['where of PostgreSQL', { err: databaseError({ where: `unnamed portal parameter $1 = '${SECRET}'` }) }],
    [
      'a value that PostgreSQL quotes',
      { err: Object.assign(fails(`invalid input syntax for type uuid: "${SECRET}"`), { severity: 'ERROR' }) },
    ],
    [
      'a driver error below',
      { err: new QueryFailedError('x', [], databaseError({ detail: `Key (a, b)=(1, ${SECRET}) exists` })) },
    ],
  ])('does not show %s', (_place, facts) => {
    const shown = JSON.stringify(redactFacts(facts));

    expect(shown).not.toMatch(new RegExp(`hunter2|${[...Buffer.from(SECRET).subarray(0, 4)].join(',')}`));
  });

  it('survives what cannot be shown', () => {
    const circle: Record<string, unknown> = { name: 'a' };
    circle['self'] = circle;
    const broken = Object.defineProperty({ fine: 1 }, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });

    const shown = redactFacts({
      circle,
      broken,
      deep: nested(40, 'x'),
      wide: Array.from({ length: 5_000 }, () => ({})),
    });

    expect(shown).toMatchObject({
      circle: { name: 'a', self: '[circular]' },
      broken: { fine: 1, bad: '[not readable]' },
    });
    expect(JSON.stringify(shown)).toContain('[too deep]');
    expect(JSON.stringify(shown).length).toBeLessThan(20_000);
  });

  it('keeps type, message, stack, code and causes of an error', () => {
    const cause = fails('connect ECONNREFUSED 127.0.0.1:5432', { code: 'ECONNREFUSED' });

    const { err } = redactFacts({ err: new TypeError('It is not there.', { cause }) });

    expect(err).toMatchObject({
      type: 'TypeError',
      message: 'It is not there.',
      stack: expect.stringContaining('redact.spec'),
      cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:5432' },
    });
  });

  it('is not changed where there is no secret', () => {
    const facts = {
      route: '/api/v1/workflows/:id',
      status: 200,
      ok: true,
      nothing: null,
      code: 'WORKFLOW_NOT_FOUND',
      key: 'DEMO-1',
      tokenCount: 12,
      hasPassword: true,
      at: new Date(0).toJSON(),
      list: ['qa_manager', 'qa_pms_runtime'],
      headers: ['host', 'a', 'accept', 'b'],
      field: { name: 'title', value: 'Log in' },
      data: { type: 'Buffer', data: 'none' },
    };

    expect(redactFacts(facts)).toEqual(facts);
  });
});

describe('redactText', () => {
  it.each([
    'Basic authentication failed',
    'Bearer tokens are not accepted here',
    'refuses our name or password: look at KAFKA_SASL_PASSWORD',
    'The role qa_pms_runtime does not exist, qa_manager does',
    'https://jira.example:8443/rest/api/3/search?jql=project&page=2 answered 503 after 2 tries',
    'Unexpected token < in JSON at position 0',
    'duplicate key value violates unique constraint "users_uq_username"',
    'at Object.<anonymous> (/work/libs/platform/src/secrets.ts:12:3)',
    '0199a7b0-1111-7222-8333-444455556666',
    'exited with code=1, state=open, key=DEMO-1',
    'passed: 12, failed: 0, 3 assigned',
    'The keyboard has a primary key: id',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  ])('leaves "%s" as it is', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('keeps what stands around a secret', () => {
    const shown = redactText(`GET https://me:${SECRET}@demo.example/a?page=2&token=${SECRET}&size=5 said "no"`);

    expect(shown).toBe('GET https://[redacted]@demo.example/a?page=2&token=[redacted]&size=5 said "no"');
  });

  it('keeps what follows a header whose value stands in quotation marks', () => {
    const shown = redactText(`{ authorization: 'Token ${SECRET}', "cookie":"a=\\"${SECRET}\\"", host: 'a' }`);

    expect(shown).toBe(`{ authorization: [redacted], "cookie":[redacted], host: 'a' }`);
  });

  it('cuts what is too long for a line', () => {
    expect(redactText('a'.repeat(1_000_000)).length).toBeLessThan(20_000);
  });
});

describe('isSecretName', () => {
  it.each(['id', 'key', 'code', 'tokenCount', 'author', 'keyId', 'passed', 'passes', 'secondsTaken'])(
    'lets %s be read',
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});

describe('redactUrl', () => {
  it('keeps where a call goes, and no value that somebody gave', () => {
    const shown = redactUrl('https://user:pa%20ss@demo.example:8443/a/b?token=s3cret&q=my+words&q=more#part');

    expect(shown).toBe('https://demo.example:8443/a/b?token=REDACTED&q=REDACTED');
  });

  it('leaves an address without secrets as it is', () => {
    expect(redactUrl('https://demo.example/a')).toBe('https://demo.example/a');
  });
});

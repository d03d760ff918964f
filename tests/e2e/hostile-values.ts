import { gzipSync } from 'node:zlib';

/** One value that no client of good will sends. */
export interface Hostile {
  name: string;
  /** As it stands in a JSON body: not always JSON that JavaScript could write. */
  json: string;
  /** As it stands in an address, percent-encoded. */
  url: string;
}

const text = (name: string, value: string): Hostile => ({
  name,
  json: JSON.stringify(value),
  url: encodeURIComponent(value),
});
const json = (name: string, value: string): Hostile => ({ name, json: value, url: encodeURIComponent(value) });
const both = (name: string, value: string, url: string): Hostile => ({ name, json: value, url });

const SQL = [
  `' OR '1'='1'; DROP TABLE workflow.workflows; --`,
  String.raw`\'); SELECT pg_sleep(20); -- $$; COPY (SELECT 1) TO PROGRAM 'id'; $$ %_%%%`,
];
const SCRIPTS = [
  '"><img src=x onerror=alert(1)><script>alert(1)</script>javascript:alert(1)',
  '{{constructor.constructor("return process")()}}${process.exit()}<%= 1 %>() { :; }; /bin/true %s%n%x%p',
  '../../../../etc/passwd',
];
const WORDS = ['__proto__', 'constructor', 'toString', 'NaN', 'Infinity', '-0'];
const DATES = [
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '0001-01-01T00:00:00+23:59',
  '0001-01-01T00:00:00+15:59',
  '9999-12-31T23:59:59-12:00',
  '-infinity',
  'epoch',
];
const IDS = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '{0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f}',
  'DEMO-9999999999',
  'Europe/../UTC',
];
const NUMBERS = ['1e400', '9223372036854775808', '2147483648', '2147483647', '-1', '-0', '0.1'];
const DEPTH = 10_000;

/** What is put in the place of every field and parameter. */
const HOSTILE: Hostile[] = [
  both('NUL', String.raw`"a\u0000b"`, 'a%00b'),
  both('a lone high surrogate', String.raw`"a\ud800b"`, 'a%ED%A0%80b'),
  both('a lone low surrogate', String.raw`"\udfff"`, '%ED%BF%BF'),
  both('half an escape', String.raw`"\ud83d"`, '%'),
  both('a byte that is not UTF-8', String.raw`"\u0080\uffff"`, '%ff'),
  both('controls', String.raw`"\u0001\u001b[31m\u007f\r\nX-Evil: 1"`, '%01%1b%5b31m%7f%0d%0aX-Evil:%201'),
  both('nothing', '""', ''),
  json('null', 'null'),
  json('an empty list', '[]'),
  json('an empty object', '{}'),
  json('a list with a text', '["x"]'),
  json('a list with a list', '[[[]]]'),
  json('an operator', '{"$gt": ""}'),
  json('a prototype', '{"__proto__": {"isAdmin": true}}'),
  json('a constructor', '{"constructor": {"prototype": {"isAdmin": true}}}'),
  json('methods', '{"toString": 1, "valueOf": null, "toJSON": "x", "length": -1, "then": true}'),
  both('depth 10,000 of lists', `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`, encodeURIComponent('['.repeat(500))),
  both(
    'depth 10,000 of objects',
    `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
    encodeURIComponent('{"a":'.repeat(99)),
  ),
  json('5,000 items', `[${'1,'.repeat(4_999)}1]`),
  json('5,000 objects', `[${'{},'.repeat(4_999)}{}]`),
  text('300 characters', 'x'.repeat(300)),
  text('10,000 characters', '😀'.repeat(5_000)),
  text('60,000 characters', 'x'.repeat(60_000)),
  text('a blank', ' '),
  text('a direction', '\u202Eabc\u2066'),
  ...NUMBERS.map((number) => json(number, number)),
  ...[...SQL, ...SCRIPTS, ...WORDS].map((value) => text(value, value)),
].map((value) => (value.url.length > 8_000 ? { ...value, url: value.url.slice(0, 8_000 - (8_000 % 12)) } : value));

/** The same, and what is almost a moment or an id where `legal` is one. */
export function hostileFor(legal: unknown): Hostile[] {
  const form = typeof legal === 'string' ? legal : '';
  const almost = /^\d{4}-\d\d-\d\dT/.test(form) ? DATES : /^[\w-]+-\w+$|\//.test(form) ? IDS : [];
  return [...HOSTILE, ...almost.map((value) => text(value, value))];
}

/** What is put into headers, as HTTP allows it; what it forbids is sent as raw bytes. */
export const HOSTILE_HEADERS: string[] = [
  '',
  '*',
  '"',
  '""',
  '"-1"',
  '"1e9"',
  '"9999999999999999999"',
  'W/"1"',
  '"1", "2"',
  'x'.repeat(6_000),
  '\u00ff\u0080',
  'a\tb',
  'Bearer',
  'Bearer ..',
  'Bearer eyJhbGciOiJub25lIn0.e30.',
  `Bearer ${'a.'.repeat(1_000)}`,
  'Basic YTpi',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'multipart/form-data; boundary=x',
  'text/html;',
  ';=,',
  ...SQL,
  ...SCRIPTS,
  ...WORDS.slice(0, 3),
];

const MEGABYTE = 1024 * 1024;

/** Whole bodies, with headers that go with them. */
export const HOSTILE_BODIES: [name: string, bytes: string | Buffer, headers?: Record<string, string>][] = [
  ['nothing', ''],
  ['broken JSON', '{"notes": '],
  ['two values', '{} {}'],
  ['a comment', '{/* */}'],
  ['a list', '[]'],
  ['a text', '"x"'],
  ['a number', '1e400'],
  ['null', 'null'],
  ['a name twice', '{"notes": "a", "notes": {"b": 1}, "reason": "a", "reason": null}'],
  ['names of a prototype', '{"__proto__": {"reason": "x"}, "constructor": {"prototype": {"x": 1}}, "toString": 1}'],
  ['a name with NUL', String.raw`{"a\u0000b": 1}`],
  ['20,000 names', `{${Array.from({ length: 20_000 }, (_, index) => `"n${String(index)}":1`).join()}}`],
  ['depth 10,000', `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`],
  ['depth 10,000 that never closes', '{"a":'.repeat(DEPTH)],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['a surrogate as UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
  ['a raw NUL', '{"notes": "\0"}'],
  ['a byte order mark', '\uFEFF{}'],
  ['UTF-16', Buffer.from('{"notes": "x"}', 'utf16le'), { 'content-type': 'application/json; charset=utf-16le' }],
  ['an unknown charset', '{"x": 1}', { 'content-type': 'application/json; charset=klingon' }],
  ['XML', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', { 'content-type': 'text/xml' }],
  ['a form', 'notes=x&reason=y', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['a gzip bomb', gzipSync(Buffer.alloc(50 * MEGABYTE, 0x20)), { 'content-encoding': 'gzip' }],
  ['an unknown encoding', '{"x": 1}', { 'content-encoding': 'zzz' }],
  ['just over 1 MB', `{"notes": "${'x'.repeat(MEGABYTE)}"}`],
  ['10 MB', `{"notes": "${'x'.repeat(10 * MEGABYTE)}"}`],
];

const POST = 'POST /api/v1/workflows HTTP/1.1\nHost: localhost\nAuthorization: Bearer {token}\nX-Project-Id: DEMO\n';
const JSON_TYPE = 'Content-Type: application/json\n';

/** Bytes on a connection, with \n for CRLF in the first part; what follows it goes out as it is. */
export const RAW_REQUESTS: [name: string, head: string, body?: string][] = [
  ['garbage', '\x00\x01\x02\xff\xfe\n\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['HTTP/2', 'PRI * HTTP/2.0\n\nSM\n\n'],
  ['a bad method', 'FOO /api/v1/tickets HTTP/1.1\nHost: localhost\n\n'],
  ['a bad version', 'GET /api/v1/tickets HTTP/9.9\nHost: localhost\n\n'],
  ['no version', 'GET /api/v1/tickets\n\n'],
  ['a space in the path', 'GET /api/v1/tickets ; HTTP/1.1\nHost: localhost\n\n'],
  ['NUL in the path', 'GET /api/v1/\0tickets HTTP/1.1\nHost: localhost\n\n'],
  ['bytes above ASCII in the path', 'GET /api/v1/\xff\xfe HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['a path of 100 KB', `GET /api/v1/${'x'.repeat(100_000)} HTTP/1.1\nHost: localhost\n\n`],
  ['a path that climbs', 'GET /docs/..%2f..%2f..%2fpackage.json HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['a path that climbs plainly', 'GET /docs/../../../../etc/passwd HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['a whole address', 'GET http://evil.example/api/v1/tickets HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['an asterisk', 'GET * HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\nHost: evil.example:443\n\n'],
  ['TRACE', 'TRACE /api/v1/tickets HTTP/1.1\nHost: localhost\nConnection: close\n\n'],
  ['no host', 'GET /api/v1/tickets HTTP/1.1\nConnection: close\n\n'],
  ['no host, for the keys', 'GET /.well-known/jwks.json HTTP/1.1\nConnection: close\n\n'],
  ['no host, for a probe', 'GET /health/ready HTTP/1.1\nConnection: close\n\n'],
  ['two hosts', 'GET /api/v1/tickets HTTP/1.1\nHost: a\nHost: b\nConnection: close\n\n'],
  ['a header of 100 KB', `GET /api/v1/tickets HTTP/1.1\nHost: localhost\nX-Long: ${'x'.repeat(100_000)}\n\n`],
  ['10,000 headers', `GET /api/v1/tickets HTTP/1.1\nHost: localhost\n${'a: b\n'.repeat(10_000)}\n`],
  ['NUL in a header', 'GET /api/v1/tickets HTTP/1.1\nHost: localhost\nX-Request-Id: a\0b\n\n'],
  ['NUL in the name of a header', 'GET /api/v1/tickets HTTP/1.1\nHost: localhost\nX-\0: a\n\n'],
  ['a header without a colon', 'GET /api/v1/tickets HTTP/1.1\nHost: localhost\nnonsense\n\n'],
  ['a folded header', 'GET /api/v1/tickets HTTP/1.1\nHost: localhost\nX-A: b\n c\nConnection: close\n\n'],
  ['an expectation', `${POST}${JSON_TYPE}Expect: a-miracle\nContent-Length: 2\nConnection: close\n\n`, '{}'],
  ['an upgrade', 'GET /api/v1/tickets HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\n\n'],
  ['a length that is no number', `${POST}${JSON_TYPE}Content-Length: x\n\n`, '{}'],
  ['a negative length', `${POST}${JSON_TYPE}Content-Length: -1\n\n`, '{}'],
  ['a length beyond all numbers', `${POST}${JSON_TYPE}Content-Length: 99999999999999999999\n\n`, '{}'],
  ['a length that is too long', `${POST}${JSON_TYPE}Content-Length: 100\n\n`, '{}'],
  ['a length that is too short', `${POST}${JSON_TYPE}Content-Length: 1\n\n`, '{"ticketKey": "DEMO-1"}'],
  ['two lengths', `${POST}${JSON_TYPE}Content-Length: 2\nContent-Length: 3\n\n`, '{}'],
  ['a length and chunks', `${POST}${JSON_TYPE}Content-Length: 2\nTransfer-Encoding: chunked\n\n`, '0\r\n\r\n'],
  ['chunks that are none', `${POST}${JSON_TYPE}Transfer-Encoding: chunked\n\n`, 'zz\r\n{}\r\n'],
  ['a chunk beyond all numbers', `${POST}${JSON_TYPE}Transfer-Encoding: chunked\n\n`, 'fffffffffffffffff\r\n{}'],
  ['chunks that never end', `${POST}${JSON_TYPE}Transfer-Encoding: chunked\n\n`, '1\r\n{\r\n'],
  ['an unknown transfer', `${POST}${JSON_TYPE}Transfer-Encoding: zzz\nConnection: close\n\n`, '{}'],
  [
    'a second request in a body',
    `${POST}${JSON_TYPE}Content-Length: 5\nTransfer-Encoding: identity\nConnection: close\n\n`,
    '{}\r\nGET /api/v1/tickets HTTP/1.1\r\n\r\n',
  ],
];

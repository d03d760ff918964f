import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetAccessChanges, GetSigningKeys, JsonWebKeySet } from '@qa-pms/contracts';
import { startService, stub, type TestService } from '@qa-pms/testing';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { apiDocument } from '../src/openapi/document.js';
import { exampleOf } from '../src/openapi/schemas.js';
import { ROUTES } from '../src/routes/all-routes.js';
import { gatewayService } from '../src/service.js';

const TOKEN = 'a-token-for-scrapes';
const document = apiDocument(ROUTES, '/api/v1');
const paths = document['paths'] as Record<string, { get: { responses: Record<number, { $ref?: string }> } }>;
const atRoot = Object.keys(paths).filter((path) => !path.startsWith('/api/v1/'));
const ajv = new Ajv2020({ strict: false, logger: false });
addFormats.default(ajv);
ajv.addSchema(document, 'api');
let gateway: TestService;

beforeAll(async () => {
  gateway = await startService(gatewayService, {
    settings: { METRICS_TOKEN: TOKEN },
    stubs: [
      stub(GetSigningKeys, () => exampleOf(JsonWebKeySet) as never),
      stub(GetAccessChanges, () => ({ cursor: '1', everybody: false, userIds: [] })),
    ],
  });
});

afterAll(() => gateway.stop());

/** An answer, and what the document does not allow in it. */
async function ask(path: string, headers: Record<string, string>): Promise<{ status: number; wrong: string | null }> {
  const answer = await gateway.http.inject({ url: path, headers });
  const status = answer.statusCode;
  const [type = ''] = String(answer.headers['content-type']).split(';', 1);
  const place = (...names: string[]): string =>
    names.map((name) => `/${encodeURIComponent(name.replaceAll('/', '~1'))}`).join('');
  const response = paths[path]?.get.responses[status];
  const reference = response?.$ref ?? `#${place('paths', path, 'get', 'responses', String(status))}`;
  const check = ajv.getSchema(`api${reference}${place('content', type, 'schema')}`);
  if (!check) return { status, wrong: `${String(status)} ${type} is not documented` };
  const isRight = check(type === 'application/json' ? answer.json() : answer.body);
  return { status, wrong: isRight === true ? null : ajv.errorsText(check.errors) };
}

describe('what stands at the root', () => {
  it.each(atRoot)('answers as the API document says: %s', async (path) => {
    const allowed = await ask(path, { authorization: `Bearer ${TOKEN}` });
    const anonymous = await ask(path, {});

    const isGuarded = ['/health/detailed', '/metrics'].includes(path);
    expect(allowed).toEqual({ status: 200, wrong: null });
    expect(anonymous).toEqual({ status: isGuarded ? 401 : 200, wrong: null });
  });
});

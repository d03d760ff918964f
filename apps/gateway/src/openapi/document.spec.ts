import { describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '@qa-pms/contracts';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ROUTES } from '../routes/all-routes.js';
import { apiDocument } from './document.js';
import type { SchemaObject } from './schemas.js';

interface Media {
  schema: SchemaObject;
  example?: unknown;
  examples?: Record<string, { $ref: string }>;
}
interface Body {
  $ref?: string;
  content?: Record<string, Media>;
  headers?: Record<string, SchemaObject>;
}
interface Operation {
  tags: string[];
  operationId: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: Body;
  responses: Record<string, Body>;
}
interface Components {
  schemas: Record<string, SchemaObject>;
  responses: Record<string, Body>;
  examples: Record<string, { value: { error: string; code: ErrorCode } }>;
}

const document = apiDocument(ROUTES, '/api/v1');
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const components = document['components'] as Components;
const operations = Object.values(paths).flatMap((path) => Object.values(path));
const atRoot = Object.keys(paths).filter((path) => !path.startsWith('/api/v1/'));
const ajv = new Ajv2020({ strict: false, logger: false });
addFormats.default(ajv);
ajv.addSchema(document, 'api');

/** An example, and where its schema stands (a JSON Pointer in an address). */
type Sample = [place: string, example: unknown];

/** Every example of the document: those of bodies and headers, and those of fields. */
function samplesIn(value: unknown, place = ''): Sample[] {
  if (typeof value !== 'object' || value === null) return [];
  const { schema, example, examples = {} } = value as Partial<Media>;
  const ofField = 'type' in value && Array.isArray(examples) ? examples.map((one): Sample => [place, one]) : [];
  const ofBody = [
    ...(example === undefined ? [] : [example]),
    ...Object.values(schema === undefined ? {} : examples).map(({ $ref }) => components.examples[last($ref)]?.value),
  ];
  const own = schema === undefined ? [] : ofBody.map((one): Sample => [`${place}/schema`, one]);
  // What stands within an example is data, whatever it is called.
  const inner = Object.entries(value).filter(([name]) => !['example', 'examples'].includes(name));
  return [
    ...own,
    ...ofField,
    ...inner.flatMap(([name, item]) => samplesIn(item, `${place}/${encodeURIComponent(name.replaceAll('/', '~1'))}`)),
  ];
}

/** Every schema of a parameter or a body, with its place. */
function schemasIn(value: unknown, place = ''): [place: string, schema: SchemaObject][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]: [string, unknown]) =>
    name === 'schema' ? [[place, item as SchemaObject]] : schemasIn(item, `${place}/${name}`),
  );
}

const answers = (method: string, path: string): Record<string, Body> =>
  paths[`/api/v1${path}`]?.[method]?.responses ?? {};
const last = (reference: string): string => reference.split('/').at(-1) ?? '';
const json = ({ content }: Body = {}): unknown => content?.['application/json']?.schema['$ref'];
const headers = ({ headers: all = {} }: Body = {}): string[] => Object.keys(all);
const reference = (name: string): string => `#/components/schemas/${name}`;

/** The codes that an answer's schema has. */
function codesIn({ content }: Body = {}): string[] {
  const properties = content?.['application/json']?.schema['properties'] as { code?: { enum: string[] } } | undefined;
  return properties?.code?.enum ?? [];
}

describe('the API document', () => {
  it('is OpenAPI 3.1, by the schema of its authors', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));

    expect(document['openapi']).toBe('3.1.0');
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  // That of its authors takes any object for a schema.
  it('has schemas that are JSON Schema 2020-12', () => {
    const schemas = [...Object.entries(components.schemas), ...schemasIn(document)];

    const broken = schemas.flatMap(([place, schema]) =>
      ajv.validateSchema(schema) === true ? [] : [`${place}: ${ajv.errorsText()}`],
    );

    expect(schemas.length).toBeGreaterThan(100);
    expect(broken).toEqual([]);
  });

  it('has every route once, and all that is referred to', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)];
    const ids = operations.map(({ operationId }) => operationId);

    const all = document['components'] as Record<string, object>;
    expect(references.filter(([, kind = '', name = '']) => !(name in (all[kind] ?? {})))).toEqual([]);
    const nested = ['ReportContent', 'Pagination', 'Person', 'Freshness', 'TemplateRef', 'SessionSpan'];
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(nested));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(ROUTES.length + atRoot.length);
  });

  it('says what each group of operations is for', () => {
    const groups = document['tags'] as { name: string; description: string }[];

    const used = new Set(operations.flatMap(({ tags }) => tags));
    expect(groups.filter(({ description }) => !description.endsWith('.'))).toEqual([]);
    expect(groups.map(({ name }) => name)).toEqual([...used]);
  });

  it('has an example of every body, and none that breaks its own schema', () => {
    const bodies = operations.flatMap(({ requestBody = {}, responses }) => [requestBody, ...Object.values(responses)]);
    const media = [...bodies, ...Object.values(components.responses)].flatMap(({ content = {} }) =>
      Object.values(content),
    );
    const samples = samplesIn(document);

    const broken = samples.flatMap(([place, example]) => {
      const validate = ajv.getSchema(`api#${place}`);
      return validate?.(example) === true ? [] : [`${place}: ${ajv.errorsText(validate?.errors)}`];
    });

    expect(media.filter(({ example, examples }) => example === undefined && examples === undefined)).toEqual([]);
    expect(samples.length).toBeGreaterThan(media.length);
    expect(broken).toEqual([]);
  });

  it('has examples as the answers look, with what is nested', () => {
    const page = answers('get', '/workflows')['200']?.content?.['application/json']?.example;
    const started = answers('post', '/workflows')['201']?.content?.['application/json']?.example;

    expect(page).toMatchObject({ data: [{ template: { name: 'Bug fix' } }], pagination: { page: 1, totalPages: 1 } });
    expect(started).toMatchObject({ ticketKey: 'DEMO-1', template: { version: 1 }, steps: [{ name: 'Reproduce' }] });
  });

  it('tells what routes answer that put their answer together', () => {
    const started = answers('post', '/workflows');
    const file = answers('get', '/reports/{id}/export')['200'];

    expect([json(started['200']), json(started['201'])]).toEqual([reference('Workflow'), reference('Workflow')]);
    expect(json(answers('get', '/workflows/{id}/summary')['200'])).toBe(reference('WorkflowSummary'));
    expect(Object.keys(file?.content ?? {})).toEqual(['text/markdown', 'text/html']);
    expect(headers(file)).toContain('Content-Disposition');
  });

  it('tells the headers of answers', () => {
    const all = operations.flatMap(({ responses }) => Object.values(responses)).filter((body) => !('$ref' in body));

    const shared = Object.values(components.responses);
    const later = Object.entries(answers('get', '/auth/me')).filter(([, { $ref = '' }]) =>
      headers(components.responses[last($ref)]).includes('Retry-After'),
    );
    expect([...all, ...shared].filter((body) => !headers(body).includes('X-Request-Id'))).toEqual([]);
    expect(later.map(([status]) => status)).toEqual(['503', '504']);
    expect(headers(answers('get', '/workflows/{id}')['200'])).toContain('ETag');
    expect(headers(answers('post', '/workflows')['201'])).toContain('ETag');
    expect(headers(answers('get', '/workflows')['200'])).not.toContain('ETag');
  });

  it('tells the errors of a route by status', () => {
    const failuresOf = (method: string, path: string): Record<string, string[]> =>
      Object.fromEntries(
        Object.entries(answers(method, path)).flatMap(([status, { $ref }]) =>
          $ref === undefined || status === 'default' ? [] : [[status, codesIn(components.responses[last($ref)])]],
        ),
      );
    const later = {
      503: ['OVERLOADED', 'SHUTTING_DOWN', 'UPSTREAM_UNAVAILABLE'],
      504: ['UPSTREAM_TIMEOUT'],
    };

    expect(failuresOf('post', '/auth/login')).toEqual({
      400: ['MALFORMED_JSON', 'VALIDATION_ERROR'],
      401: ['SIGN_IN_FAILED', 'UNAUTHENTICATED'],
      413: ['BODY_TOO_LARGE'],
      415: ['UNSUPPORTED_MEDIA_TYPE'],
      ...later,
    });
    expect(failuresOf('get', '/tickets')).toEqual({
      400: ['ANSWER_TOO_LARGE', 'PROJECT_REQUIRED', 'VALIDATION_ERROR'],
      401: ['UNAUTHENTICATED'],
      403: ['FORBIDDEN'],
      404: ['PROJECT_NOT_FOUND'],
      ...later,
    });
    for (const path of ['/time/estimates', '/time/history/averages', '/reports/{id}/export'])
      expect(failuresOf('get', path)[400]).toContain('ANSWER_TOO_LARGE');
    expect(failuresOf('get', '/workflows/{id}')[400]).not.toContain('ANSWER_TOO_LARGE');
    expect(failuresOf('post', '/workflows')[413]).toEqual(['BODY_TOO_LARGE', 'CONTENT_TOO_LARGE']);
    expect(failuresOf('post', '/reports/{id}/finalise')).toEqual({
      400: ['MALFORMED_JSON', 'PROJECT_REQUIRED', 'VALIDATION_ERROR'],
      401: ['UNAUTHENTICATED'],
      403: ['FORBIDDEN'],
      404: ['PROJECT_NOT_FOUND', 'REPORT_NOT_FOUND'],
      409: ['CONFLICT', 'IDEMPOTENCY_IN_PROGRESS', 'REPORT_FINAL', 'REPORT_TIMES_PENDING'],
      412: ['PRECONDITION_FAILED'],
      413: ['BODY_TOO_LARGE'],
      414: ['URI_TOO_LONG'],
      415: ['UNSUPPORTED_MEDIA_TYPE'],
      422: ['IDEMPOTENCY_KEY_REUSED'],
      428: ['PRECONDITION_REQUIRED'],
      ...later,
    });
  });

  it('shows each error as the register makes it, with all that its sentence needs', () => {
    const examples = Object.entries(components.examples);
    const shown = Object.values(components.responses).flatMap(codesIn);

    expect(examples.map(([code]) => code).sort()).toEqual([...new Set([...shown, 'INTERNAL_ERROR'])].sort());
    expect(examples.filter(([code, { value }]) => value.code !== code)).toEqual([]);
    const vague = /undefined|nothing|No such|A part of|An external/;
    expect(examples.filter(([, { value }]) => vague.test(value.error))).toEqual([]);
  });

  it('tells the headers of requests', () => {
    const headersOf = (method: string, path: string): string[] =>
      (paths[`/api/v1${path}`]?.[method]?.parameters ?? [])
        .filter((one) => one.in === 'header')
        .map(({ name, required }) => (required ? `${name}!` : name));

    expect(headersOf('post', '/workflows/{id}/pause')).toEqual(['X-Project-Id', 'If-Match', 'Idempotency-Key']);
    expect(headersOf('patch', '/reports/{id}')).toEqual(['X-Project-Id', 'If-Match!']);
    expect(headersOf('post', '/auth/login')).toEqual([]);
  });
});

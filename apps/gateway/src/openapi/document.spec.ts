import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ROUTES } from '../routes/all-routes.js';
import { apiDocument } from './document.js';
import type { SchemaObject } from './schemas.js';

interface Media {
  schema: SchemaObject;
  example?: unknown;
}
interface Body {
  content?: Record<string, Media>;
  headers?: Record<string, SchemaObject>;
}
interface Operation {
  operationId: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: Body;
  responses: Record<string, Body>;
}

const document = apiDocument(ROUTES, '/api/v1');
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const components = document['components'] as Record<'schemas' | 'responses', Record<string, SchemaObject>>;
const operations = Object.values(paths).flatMap((path) => Object.values(path));
const ajv = new Ajv2020({ strict: false, logger: false });
addFormats.default(ajv);
ajv.addSchema(document, 'api');

/** An example, and where its schema stands (a JSON Pointer in an address). */
type Sample = [place: string, example: unknown];

/** Every example of the document: those of bodies and headers, and those of fields. */
function samplesIn(value: unknown, place = ''): Sample[] {
  if (typeof value !== 'object' || value === null) return [];
  const { schema, example, examples = [] } = value as Partial<Media> & { examples?: unknown[] };
  const own = schema === undefined || example === undefined ? [] : [[`${place}/schema`, example] satisfies Sample];
  const ofField = 'type' in value ? examples.map((one): Sample => [place, one]) : [];
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
const json = ({ content }: Body = {}): unknown => content?.['application/json']?.schema['$ref'];
const headers = ({ headers: all = {} }: Body = {}): string[] => Object.keys(all);
const reference = (name: string): string => `#/components/schemas/${name}`;

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

  it('has every route once, and every schema that is referred to', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)];
    const ids = operations.map(({ operationId }) => operationId);

    expect(references.map(([, name = '']) => name).filter((name) => !(name in components.schemas))).toEqual([]);
    const nested = ['ReportContent', 'Pagination', 'Person', 'Freshness', 'TemplateRef', 'SessionSpan'];
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(nested));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(ROUTES.length);
  });

  it('has an example of every body, and none that breaks its own schema', () => {
    const bodies = operations.flatMap(({ requestBody = {}, responses }) => [requestBody, ...Object.values(responses)]);
    const media = bodies.flatMap(({ content = {} }) => Object.values(content));
    const samples = samplesIn(document);

    const broken = samples.flatMap(([place, example]) => {
      const validate = ajv.getSchema(`api#${place}`);
      return validate?.(example) === true ? [] : [`${place}: ${ajv.errorsText(validate?.errors)}`];
    });

    expect(media.filter(({ example }) => example === undefined)).toEqual([]);
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

    expect(all.filter((body) => !headers(body).includes('X-Request-Id'))).toEqual([]);
    expect(headers(components.responses['Error'])).toEqual(['X-Request-Id', 'Retry-After']);
    expect(headers(answers('get', '/workflows/{id}')['200'])).toContain('ETag');
    expect(headers(answers('post', '/workflows')['201'])).toContain('ETag');
    expect(headers(answers('get', '/workflows')['200'])).not.toContain('ETag');
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

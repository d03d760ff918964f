import { type DtoClass, fieldsOf } from '@qa-pms/contracts';
import { VERSION } from '@qa-pms/platform';
import { parameterName } from '../routes/payload.js';
import { type AnswerBody, type Route, TAGS } from '../routes/route.js';
import { codesOf, Failures } from './failures.js';
import { HEADERS, headersOf } from './headers.js';
import { rootPaths } from './root-paths.js';
import { exampleOf, Schemas, type SchemaObject } from './schemas.js';

/** The API as OpenAPI 3.1, made of the route tables, the DTO classes and the register of errors. */
export function apiDocument(routes: Route[], base: string): SchemaObject {
  const schemas = new Schemas();
  const failures = new Failures();
  const paths: Record<string, Record<string, SchemaObject>> = {};
  for (const route of routes) {
    const path = `${base}${route.path.replace(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas, failures) };
  }
  Object.assign(paths, rootPaths(schemas, failures));
  return {
    openapi: '3.1.0',
    info: {
      title: 'QA Intelligent PMS',
      version: VERSION,
      description:
        'From a ticket to its report: guided steps, time measured by itself. Sign in with POST /auth/login, then send the access token.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: { ...schemas.components, Error: errorSchema() },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      headers: HEADERS,
      responses: failures.responses,
      examples: failures.examples,
    },
  };
}

function operation(route: Route, schemas: Schemas, failures: Failures): SchemaObject {
  const { message, method, summary, tag } = route;
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const inBody = (name: string): boolean => !inPath.includes(name) && !(route.ifMatch && name === 'expectedVersion');
  const body = method === 'GET' || method === 'DELETE' ? [] : fieldsOf(message).filter(([name]) => inBody(name));
  return {
    tags: [tag],
    operationId: operationId(route),
    summary,
    ...(route.isPublic && { security: [] }),
    parameters: parameters(route, inPath, schemas),
    ...(body.length > 0 && {
      requestBody: {
        required: body.some(([, { required }]) => required !== false),
        content: { 'application/json': { schema: schemas.object(message, inBody), example: example(message, inBody) } },
      },
    }),
    responses: {
      ...answers(route, schemas),
      ...failures.of(codesOf(route)),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function answers({ message, status = 200, version, answer }: Route, schemas: Schemas): SchemaObject {
  const sends = answer?.sends ?? { [status]: status === 204 ? null : message.contract.reply };
  const headers = headersOf('X-Request-Id', ...(version ? ['ETag' as const] : []));
  return Object.fromEntries(
    Object.entries(sends).map(([code, body]) => [code, { headers, ...described(body, schemas) }]),
  );
}

function described(body: AnswerBody | null, schemas: Schemas): SchemaObject {
  if (body === null) return { description: 'Done.' };
  if (typeof body === 'function') {
    const content = { 'application/json': { schema: schemas.ref(body), example: exampleOf(body) } };
    return { description: 'The answer.', content };
  }
  const content = Object.entries(body).map(([type, example]) => [type, { schema: { type: 'string' }, example }]);
  return {
    description: 'The file.',
    headers: headersOf('X-Request-Id', 'Content-Disposition'),
    content: Object.fromEntries(content),
  };
}

function parameters(
  { message, method, project, ifMatch, isPublic }: Route,
  inPath: string[],
  schemas: Schemas,
): SchemaObject[] {
  const fields = fieldsOf(message);
  const path = fields
    .filter(([name]) => inPath.includes(name))
    .map(([name, facts]) => ({
      name,
      in: 'path',
      required: true,
      schema: schemas.field({ ...facts, required: true }),
      description: facts.description,
    }));
  const query = fields
    .filter(([name]) => method === 'GET' && !inPath.includes(name))
    .map(([name, facts]) => ({
      name: parameterName(name),
      in: 'query',
      required: facts.required !== false,
      schema: schemas.field({ ...facts, required: true, nullable: false }),
      description: facts.description,
    }));
  const header = (name: string, required: boolean, description: string): SchemaObject => ({
    name,
    in: 'header',
    required,
    schema: { type: 'string' },
    description,
  });
  const headers = [
    ...(project === undefined && !isPublic
      ? [header('X-Project-Id', false, 'Id or key of the project; may be left out by members of one only.')]
      : []),
    ...(ifMatch ? [header('If-Match', ifMatch === 'required', 'ETag that the change is based on.')] : []),
    ...(method === 'POST' && !isPublic
      ? [header('Idempotency-Key', false, 'Repeated with the same body, the stored answer is sent again.')]
      : []),
  ];
  return [...path, ...query, ...headers];
}

function example(message: DtoClass, isWanted: (name: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(exampleOf(message)).filter(([name]) => isWanted(name)));
}

function operationId({ method, path }: Route): string {
  const words = path.split('/').filter((word) => word !== '');
  const name = words
    .map((word) => (word.startsWith(':') ? `By${capital(word.slice(1))}` : word.split('-').map(capital).join('')))
    .map(capital);
  return `${method.toLowerCase()}${name.join('')}`;
}

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

function errorSchema(): SchemaObject {
  return {
    type: 'object',
    required: ['error', 'code', 'details', 'requestId', 'traceId'],
    properties: {
      error: { type: 'string', description: 'A sentence for the reader.' },
      code: { type: 'string', description: 'Stable code.' },
      details: { type: 'object', description: 'The facts.' },
      requestId: { type: ['string', 'null'], description: 'To find this request in logs.' },
      traceId: { type: ['string', 'null'], description: 'To find its trace, where one was sampled.' },
    },
  };
}

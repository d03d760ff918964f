import { JsonWebKeySet } from '@qa-pms/contracts';
import { VERSION } from '@qa-pms/platform';
import type { Tag } from '../routes/route.js';
import { type Failures, NOT_NOW } from './failures.js';
import { headersOf } from './headers.js';
import { exampleOf, type SchemaObject, type Schemas } from './schemas.js';

const STATUS = { type: 'string', enum: ['healthy', 'degraded', 'unhealthy'] };
const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const METRICS = '# TYPE http_requests counter\nhttp_requests_total{method="GET",status="200"} 42\n# EOF\n';

/** What stands at the gateway's root, beside the API: for probes, scrapers, and whoever verifies our tokens. */
export function rootPaths(schemas: Schemas, failures: Failures): Record<string, Record<string, SchemaObject>> {
  schemas.components['Health'] = health({ status: STATUS });
  schemas.components['HealthDetails'] = health({ status: STATUS, message: TEXT, responseTimeMs: NUMBER });
  const short = { $ref: '#/components/schemas/Health' };
  const detailed = { $ref: '#/components/schemas/HealthDetails' };
  const error = { $ref: '#/components/schemas/Error' };
  const report = (status: string, check: object): object => ({
    status,
    version: VERSION,
    uptimeSeconds: 4711,
    checks: { database: { status, ...check } },
  });
  const readiness = {
    200: json('Ready, even where degraded.', short, report('healthy', {})),
    503: json('Not ready.', short, report('unhealthy', {})),
  };
  const found = { message: 'answers', responseTimeMs: 2 };
  return {
    '/.well-known/jwks.json': get('getSigningKeys', 'The public keys of our access tokens', [], {
      200: json('The keys.', schemas.ref(JsonWebKeySet), exampleOf(JsonWebKeySet)),
      ...failures.of(NOT_NOW),
    }),
    '/health': get('getHealth', 'Readiness, in short', [], readiness),
    '/health/live': get('getHealthLive', 'Whether the process runs', [], {
      200: json('It does.', { type: 'object', properties: { status: STATUS } }, { status: 'healthy' }),
    }),
    '/health/ready': get('getHealthReady', 'Whether requests can be answered', [], readiness),
    '/health/detailed': get(
      'getHealthDetailed',
      'What is said of each part; for administrators, or with the token of METRICS_TOKEN',
      [{ bearer: [] }],
      {
        200: json('Ready, even where degraded.', detailed, report('healthy', found)),
        503: json(
          'Not ready, or not able to say to whom it may be told.',
          { anyOf: [detailed, error] },
          report('unhealthy', found),
          ['Retry-After'],
        ),
        ...failures.of(['UNAUTHENTICATED', 'FORBIDDEN', 'UPSTREAM_TIMEOUT']),
      },
    ),
    '/metrics': get('getMetrics', 'Metrics, with the token of METRICS_TOKEN where that is set', [{}, { bearer: [] }], {
      200: {
        description: 'In the format of OpenMetrics.',
        headers: headersOf('X-Request-Id'),
        content: { 'application/openmetrics-text': { schema: TEXT, example: METRICS } },
      },
      ...failures.of(['UNAUTHENTICATED']),
    }),
  };
}

function get(
  operationId: string,
  summary: string,
  security: object[],
  responses: object,
): Record<string, SchemaObject> {
  return { get: { tags: ['Operations' satisfies Tag], operationId, summary, security, parameters: [], responses } };
}

function json(
  description: string,
  schema: SchemaObject,
  example: object,
  headers: Parameters<typeof headersOf> = [],
): SchemaObject {
  return {
    description,
    headers: headersOf('X-Request-Id', ...headers),
    content: { 'application/json': { schema, example } },
  };
}

/** The schema of a report that says this of each part. */
function health(check: Record<string, SchemaObject>): SchemaObject {
  const object = (properties: Record<string, SchemaObject>): SchemaObject => ({
    type: 'object',
    required: Object.keys(properties),
    properties,
  });
  const checks = { type: 'object', additionalProperties: object(check) };
  return object({ status: STATUS, version: TEXT, uptimeSeconds: { type: 'integer' }, checks });
}

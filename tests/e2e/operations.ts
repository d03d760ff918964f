/** What we read of the product's OpenAPI document. */
interface ApiDocument {
  paths: Record<string, Record<string, DocumentedOperation>>;
}
interface DocumentedOperation {
  operationId: string;
  security?: unknown[];
  parameters: { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: { examples?: unknown[] } }[];
  requestBody?: { content: { 'application/json': { example: Record<string, unknown> } } };
}

/** One operation of the API with a request that is legal. */
export interface Operation {
  id: string;
  method: string;
  /** `/api/v1/workflows/{id}` */
  path: string;
  pathParameters: Map<string, string>;
  /** With the example of each. */
  queryParameters: Map<string, unknown>;
  /** Headers that mean something to it. */
  headers: string[];
  needsIfMatch: boolean;
  isPublic: boolean;
  body: Record<string, unknown> | null;
}

/** A place in a body: `bugs`, `bugs.0`, `bugs.0.title`. */
export type Place = (string | number)[];

/** Every operation of the REST API. */
export function operationsOf(document: unknown): Operation[] {
  const paths = Object.entries((document as ApiDocument).paths).filter(([path]) => path.startsWith('/api/v1/'));
  return paths.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters, requestBody, security }]) => ({
      id: operationId,
      method: method.toUpperCase(),
      path,
      pathParameters: new Map(
        parameters
          .filter((one) => one.in === 'path')
          .map(({ name, schema }) => [name, String(schema.examples?.[0] ?? 'x')]),
      ),
      queryParameters: new Map(
        parameters.filter((one) => one.in === 'query').map(({ name, schema }) => [name, schema.examples?.[0]]),
      ),
      headers: [
        ...parameters.filter((one) => one.in === 'header').map(({ name }) => name),
        ...['X-Request-Id'],
        ...(security?.length === 0 ? [] : ['Authorization']),
        ...(requestBody ? ['Content-Type'] : []),
      ],
      needsIfMatch: parameters.some(({ name, required }) => name === 'If-Match' && required),
      isPublic: security?.length === 0,
      body: requestBody?.content['application/json'].example ?? null,
    })),
  );
}

/** Every place in a body, with those in nested objects and lists. */
export function placesIn(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return at.length === 0 ? [] : [at];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    placesIn(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length === 0 ? inner : [at, ...inner];
}

/** What stands in a place. */
export function at(value: unknown, place: Place): unknown {
  return place.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}

/** The body as JSON with other JSON in one place. */
export function withJson(value: unknown, place: Place, json: string): string {
  const [first, ...rest] = place;
  if (first === undefined) return json;
  const inner = (key: string | number, item: unknown): string =>
    String(key) === String(first) ? withJson(item, rest, json) : JSON.stringify(item);
  if (Array.isArray(value)) return `[${value.map((item, index) => inner(index, item)).join()}]`;
  const entries = Object.entries(value as object);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${inner(key, item)}`).join()}}`;
}

/** The address of an operation; parameters are percent-encoded already. */
export function addressOf({ path, pathParameters }: Operation, replaced: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_match, name: string) => replaced[name] ?? pathParameters.get(name) ?? '');
}

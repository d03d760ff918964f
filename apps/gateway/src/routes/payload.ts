import { AppError } from '@qa-pms/contracts';
import { type JsonSchema, jsonSchemaOf, type Violation } from '@qa-pms/platform';
import type { FastifyRequest } from 'fastify';
import { checkKey, checkText } from '../edge/json-body.js';
import type { Route } from './route.js';

/** Puts the payload of a route's message together: query parameters, body, path parameters, If-Match. */
export function payloadReader(route: Route): (request: FastifyRequest) => Record<string, unknown> {
  const types = fieldTypes(route);
  return (request) => {
    const payload: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(request.query as Record<string, unknown>)) {
      if (route.method !== 'GET') throw unknownParameter(name);
      checkKey(name, name);
      // A field has one name: `pageSize` is not a second one for `page_size`.
      if (name !== name.toLowerCase()) throw unknownParameter(name);
      const field = camelCase(name);
      payload[field] = typed(value, types.get(field), name);
    }
    const { body } = request;
    if (body !== undefined && body !== null) {
      if (typeof body !== 'object' || Array.isArray(body)) {
        throw AppError.invalid('body', 'isObject', 'the body must be a JSON object');
      }
      for (const [name, value] of Object.entries(body)) {
        // It has one place: the header If-Match.
        if (route.ifMatch && name === 'expectedVersion')
          throw AppError.invalid(name, 'whitelistValidation', `property ${name} should not exist: send If-Match`);
        payload[name] = value;
      }
    }
    for (const [name, value] of Object.entries(request.params as Record<string, unknown>))
      payload[name] = typed(value, types.get(name), name);
    const expected = route.ifMatch ? expectedVersion(request.headers['if-match'], route.ifMatch) : null;
    if (expected !== null) payload['expectedVersion'] = expected;
    return payload;
  };
}

/** The name of a field as a query parameter. */
export function parameterName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What a request failed with; where it is a parameter's fault, under the name that the parameter was sent with. */
export function withSentNames(error: unknown, { method, query, params }: FastifyRequest): unknown {
  if (method !== 'GET' || !(error instanceof AppError) || error.code !== 'VALIDATION_ERROR') return error;
  const sent = { ...(query as object), ...(params as object) };
  const violations = (error.details['violations'] as Violation[]).map((violation) => {
    const { path, message } = violation;
    if (path in sent) return violation;
    const name = parameterName(path);
    return { ...violation, path: name, message: message.replaceAll(path, name) };
  });
  return new AppError('VALIDATION_ERROR', { violations }, { cause: error });
}

function fieldTypes(route: Route): Map<string, string> {
  const types = new Map<string, string>();
  for (const [name, schema] of Object.entries(jsonSchemaOf(route.message).properties ?? {})) {
    const plain = (schema['anyOf'] as JsonSchema[] | undefined)?.[0] ?? schema;
    if (plain.type) types.set(name, plain.type);
  }
  return types;
}

function typed(value: unknown, type: string | undefined, path: string): unknown {
  if (typeof value !== 'string') return value;
  checkText(value, path);
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}(\.\d+)?$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function unknownParameter(name: string): AppError {
  return AppError.invalid(name, 'whitelistValidation', `query parameter ${name} should not exist`);
}

/** The version that must still be there; null: whatever there is. https://www.rfc-editor.org/rfc/rfc9110#name-if-match */
function expectedVersion(header: string | undefined, need: 'required' | 'optional'): number | null {
  if (header === undefined) {
    if (need === 'required') throw new AppError('PRECONDITION_REQUIRED');
    return null;
  }
  const tag = header.trim();
  if (tag === '*') return null;
  if (!/^(W\/)?"[^"]*"$/.test(tag))
    throw AppError.invalid('If-Match', 'isETag', 'If-Match must be one ETag, in its quotes as it was read, or *');
  const version = /^"(\d{1,9})"$/.exec(tag)?.[1];
  if (version === undefined) throw new AppError('PRECONDITION_FAILED', { ifMatch: header });
  return Number(version);
}

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { AppError, type DtoClass, type EventClass, wireName } from '@qa-pms/contracts';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';

export interface JsonSchema {
  [keyword: string]: unknown;
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
}

/** One fault of an input. */
export interface Violation {
  /** Where: `steps[0].name`. */
  path: string;
  /** The rule that is broken, by class-validator's name. */
  rule: string;
  message: string;
}

const ROOT = 'https://qa-pms/schemas';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Explaining costs up to 0.1 ms a value and blocks the process meanwhile: larger payloads are told their first fault only. */
const EXPLAINED_VALUES = 1_000;

let definitions: Record<string, JsonSchema> | null = null;
let ajv: Ajv | null = null;
const validators = new Map<DtoClass, ValidateFunction>();

function allSchemas(): Record<string, JsonSchema> {
  if (definitions) return definitions;
  const schemas = validationMetadatasToSchemas({ classTransformerMetadataStorage: defaultMetadataStorage }) as Record<
    string,
    JsonSchema
  >;
  for (const schema of Object.values(schemas)) {
    schema['additionalProperties'] = false;
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const optional = !schema.required?.includes(name);
      // class-validator's IsOptional lets null pass as well as undefined.
      if (optional && schema.properties) schema.properties[name] = { anyOf: [property, { type: 'null' }] };
    }
  }
  definitions = schemas;
  return schemas;
}

/** The JSON Schema of a DTO class, derived from its class-validator metadata. Refers to others by `#/definitions/<class>`. */
export function jsonSchemaOf(dto: DtoClass): JsonSchema {
  return allSchemas()[schemaName(dto) ?? ''] ?? { type: 'object', properties: {}, additionalProperties: false };
}

/** The nearest class that has fields: a message without fields of its own takes those of its base. */
function schemaName(dto: DtoClass): string | null {
  for (let one = dto; typeof one === 'function' && one.name !== ''; one = Object.getPrototypeOf(one) as DtoClass) {
    if (one.name in allSchemas()) return one.name;
  }
  return null;
}

/** A compiled check of a payload: ValidationPipe alone would cost more than the rest of a request. */
export function payloadValidator(dto: DtoClass): ValidateFunction {
  const known = validators.get(dto);
  if (known) return known;
  if (!ajv) {
    ajv = new Ajv({ strict: false, allErrors: false, formats: { uuid: UUID } });
    addFormats.default(ajv, ['date', 'date-time']);
    ajv.addSchema({ $id: ROOT, definitions: allSchemas() });
  }
  const name = schemaName(dto);
  const validate = ajv.compile(name === null ? jsonSchemaOf(dto) : { $ref: `${ROOT}#/definitions/${name}` });
  validators.set(dto, validate);
  return validate;
}

/** Throws VALIDATION_ERROR with every violation when `value` is not a legal payload of the class. */
export function validatePayload(dto: DtoClass, value: unknown): void {
  const validate = payloadValidator(dto);
  if (validate(value)) return;
  const first = (validate.errors ?? []).map(fromAjv);
  const explained = explain(dto, value);
  throw new AppError('VALIDATION_ERROR', { violations: explained.length > 0 ? explained : first });
}

/** Throws where an event breaks its own contract: our fault, and each of its consumers would refuse it for good. */
export function validateEvent(event: EventClass, payload: object): void {
  try {
    validatePayload(event, payload);
  } catch (error) {
    const { violations } = (error as AppError).details as { violations: Violation[] };
    const faults = violations.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new Error(`Event ${wireName(event.contract)} breaks its own contract: ${faults}`, { cause: error });
  }
}

/** All violations in class-validator's words; slower, and only run once a payload is known to be wrong, and small. */
function explain(dto: DtoClass, value: unknown): Violation[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || hasMoreValues(value, EXPLAINED_VALUES))
    return [];
  const instance = plainToInstance(dto, value);
  const errors = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: false });
  return errors.flatMap((error) => flatten(error, '')).slice(0, 100);
}

/** Whether it holds more values than that, nested ones included. */
function hasMoreValues(value: object, limit: number): boolean {
  const open: object[] = [value];
  let count = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    for (const item of Object.values(next) as unknown[]) {
      count += 1;
      if (count > limit) return true;
      if (typeof item === 'object' && item !== null) open.push(item);
    }
  }
  return false;
}

function flatten(error: ValidationError, parent: string): Violation[] {
  const path = /^\d+$/.test(error.property)
    ? `${parent}[${error.property}]`
    : parent === ''
      ? error.property
      : `${parent}.${error.property}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({ path, rule, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path))];
}

function fromAjv(error: ErrorObject): Violation {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((whole, part) => (/^\d+$/.test(part) ? `${whole}[${part}]` : whole === '' ? part : `${whole}.${part}`), '');
  const params = error.params as { missingProperty?: string; additionalProperty?: string };
  const name = params.missingProperty ?? params.additionalProperty;
  return {
    path: name ? (path === '' ? name : `${path}.${name}`) : path,
    rule: error.keyword,
    message: error.message ?? 'is not valid',
  };
}

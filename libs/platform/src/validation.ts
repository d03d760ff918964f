import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
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

/** Compiled checks, by class: ValidationPipe alone would cost more than the rest of a request. */
class Checks {
  private readonly compiled = new Map<DtoClass, ValidateFunction>();
  private ajv: Ajv | null = null;

  constructor(private readonly options: Options = {}) {}

  of(dto: DtoClass): ValidateFunction {
    const known = this.compiled.get(dto);
    if (known) return known;
    const name = schemaName(dto);
    const schema = name === null ? jsonSchemaOf(dto) : { $ref: `${ROOT}#/definitions/${name}` };
    const check = this.compiler().compile(schema);
    this.compiled.set(dto, check);
    return check;
  }

  private compiler(): Ajv {
    if (this.ajv) return this.ajv;
    this.ajv = new Ajv({ strict: false, allErrors: false, formats: { uuid: UUID }, ...this.options });
    addFormats.default(this.ajv, ['date', 'date-time']);
    this.ajv.addSchema({ $id: ROOT, definitions: allSchemas() });
    return this.ajv;
  }
}

const strict = new Checks();
const lenient = new Checks({ removeAdditional: true });

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

/** Throws VALIDATION_ERROR with every violation when `value` is not a legal payload of the class. */
export function validatePayload(dto: DtoClass, value: unknown): void {
  validate(strict.of(dto), dto, value);
}

/**
 * The same for an event that came, whose sender may be of a later version: fields that this version does not know are
 * taken out of `value`. To refuse them would make each new field of an event a breaking change.
 */
export function validateReceived(event: DtoClass, value: unknown): void {
  validate(lenient.of(event), event, value);
}

function validate(check: ValidateFunction, dto: DtoClass, value: unknown): void {
  if (check(value)) return;
  const first = (check.errors ?? []).map(fromAjv);
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

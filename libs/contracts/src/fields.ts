import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import type { DtoClass } from './message.js';

/**
 * One decorator per field says everything about it: what it means (for OpenAPI and the reader),
 * what is legal (class-validator) and how it is turned into a class (class-transformer).
 */
interface FieldOptions {
  /** What the field means, with its unit. Shown in the API documentation. */
  description: string;
  example?: unknown;
  /** May be left out, or be null, in input. */
  optional?: boolean;
  /** May be null in output. Absent values are null, never left out. */
  nullable?: boolean;
}

/** What is known of a field beside its rules, for the API documentation. */
export interface FieldFacts {
  /** A JSON type; those of other DTO classes have `dto` instead. */
  type?: string;
  /** Answers the class of an object, or of each object in a list. */
  dto?: () => DtoClass;
  isArray?: boolean;
  format?: string;
  enum?: readonly string[];
  items?: Record<string, unknown>;
  description?: string;
  example?: unknown;
  required?: boolean;
  nullable?: boolean;
  /** Further keywords of JSON Schema. */
  [keyword: string]: unknown;
}

const FACTS = Symbol('facts of fields');
type Described = { [FACTS]?: [name: string, facts: FieldFacts][] };

/** Fields of a class with what their decorators say, inherited ones first. */
export function fieldsOf(dto: { prototype: object }): readonly [name: string, facts: FieldFacts][] {
  return (dto.prototype as Described)[FACTS] ?? [];
}

function tell(target: Described, name: string, facts: FieldFacts): void {
  const others = (target[FACTS] ?? []).filter(([other]) => other !== name);
  // Its own list: that of its base is the base's.
  target[FACTS] = [...others, [name, facts]];
}

function field(options: FieldOptions, schema: FieldFacts, ...rules: PropertyDecorator[]): PropertyDecorator {
  const { description, example, optional = false, nullable = false } = options;
  return (target, key) => {
    for (const rule of rules) rule(target, key);
    if (optional || nullable) IsOptional()(target, key);
    tell(target, String(key), { ...schema, description, example, required: !optional, nullable });
  };
}

/** A string of `min` (1) to `max` characters. Kept as it came: no trimming, no normalising. */
export function TextField(options: FieldOptions & { max: number; min?: number; pattern?: RegExp }): PropertyDecorator {
  const { min = 1, max, pattern } = options;
  const rules = [IsString(), Length(min, max)];
  if (pattern) rules.push(Matches(pattern));
  const schema = { type: 'string', minLength: min, maxLength: max, ...(pattern && { pattern: pattern.source }) };
  return field(options, schema, ...rules);
}

/** A UUID. */
export function IdField(options: FieldOptions): PropertyDecorator {
  return field(
    { example: '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f', ...options },
    { type: 'string', format: 'uuid' },
    IsUUID(),
  );
}

/** PostgreSQL fails on zones 16 hours away and more; no place is further than 14. */
const TIMESTAMP =
  /^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;

/** A moment of the calendar, ISO 8601 with a zone; answered in UTC with milliseconds. */
export function TimeField(options: FieldOptions): PropertyDecorator {
  const schema = { type: 'string', format: 'date-time' };
  // Strict: JavaScript takes 31 February for 3 March, and PostgreSQL fails, as it does for the year 0.
  const rules = [IsString(), Matches(TIMESTAMP), IsISO8601({ strict: true })];
  return field({ example: '2026-11-21T09:30:00.000Z', ...options }, schema, ...rules);
}

/** A whole number within `min` (0) and `max` (2,147,483,647, PostgreSQL's integer). */
export function IntegerField(options: FieldOptions & { min?: number; max?: number }): PropertyDecorator {
  const { min = 0, max = 2_147_483_647 } = options;
  const schema = { type: 'integer', minimum: min, maximum: max };
  // The last word is IsInt's: for Min and Max class-validator-jsonschema writes `type: number` over what was there.
  return field(options, schema, Min(min), Max(max), IsInt());
}

/** A number, for ratios and means. */
export function NumberField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: 'number' }, IsNumber());
}

export function BooleanField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: 'boolean' }, IsBoolean());
}

/** One of a few words. */
export function EnumField(options: FieldOptions & { values: readonly string[] }): PropertyDecorator {
  const schema = { type: 'string', enum: options.values };
  return field({ example: options.values[0], ...options }, schema, IsString(), IsIn([...options.values]));
}

/** A list of strings, each 1 to `max` characters, optionally of a few words. */
export function TextListField(
  options: FieldOptions & { max: number; maxItems?: number; minItems?: number; values?: readonly string[] },
): PropertyDecorator {
  const { max, maxItems = 100, minItems = 0, values } = options;
  const rules = [...ofLength(minItems, maxItems), IsString({ each: true }), Length(1, max, { each: true })];
  if (values) rules.push(IsIn([...values], { each: true }));
  const items = { type: 'string', ...(values && { enum: values }) };
  return field(options, { type: 'array', items, minItems, maxItems }, ...rules);
}

/** A list of whole numbers. */
export function IntegerListField(options: FieldOptions & { maxItems?: number }): PropertyDecorator {
  const { maxItems = 100 } = options;
  const schema = { type: 'array', items: { type: 'integer' }, maxItems };
  return field(options, schema, IsArray(), ArrayMaxSize(maxItems), IsInt({ each: true }));
}

/** An object of another DTO class. */
export function ObjectField(dto: () => DtoClass, options: FieldOptions): PropertyDecorator {
  return field(options, { dto }, IsObject(), ValidateNested(), Type(dto));
}

/** A list of objects of another DTO class. */
export function ListField(
  dto: () => DtoClass,
  options: FieldOptions & { maxItems?: number; minItems?: number },
): PropertyDecorator {
  const { maxItems = 100, minItems = 0 } = options;
  const rules = [...ofLength(minItems, maxItems), ValidateNested({ each: true }), Type(dto)];
  return field(options, { dto, isArray: true, minItems, maxItems }, ...rules);
}

function ofLength(minItems: number, maxItems: number): PropertyDecorator[] {
  return [IsArray(), ...(minItems > 0 ? [ArrayMinSize(minItems)] : []), ArrayMaxSize(maxItems)];
}

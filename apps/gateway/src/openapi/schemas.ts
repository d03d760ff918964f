import { type DtoClass, type FieldFacts, fieldsOf } from '@qa-pms/contracts';

export type SchemaObject = Record<string, unknown>;

const KEYWORDS = [
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'format',
  'enum',
  'description',
];

/** JSON Schemas (OpenAPI 3.1) of DTO classes, each once under its name. */
export class Schemas {
  readonly components: Record<string, SchemaObject> = {};

  /** A reference to the class's schema. */
  ref(dto: DtoClass): SchemaObject {
    if (!(dto.name in this.components)) {
      this.components[dto.name] = {};
      this.components[dto.name] = this.object(dto, () => true);
    }
    return { $ref: `#/components/schemas/${dto.name}` };
  }

  /** The schema of some fields of a class. */
  object(dto: DtoClass, isWanted: (name: string) => boolean): SchemaObject {
    const fields = fieldsOf(dto).filter(([name]) => isWanted(name));
    const required = fields.filter(([, facts]) => facts.required !== false).map(([name]) => name);
    return {
      type: 'object',
      properties: Object.fromEntries(fields.map(([name, facts]) => [name, this.field(facts)])),
      ...(required.length > 0 && { required }),
    };
  }

  /** The schema of one field. */
  field(facts: FieldFacts): SchemaObject {
    const { type = 'object', dto, isArray, nullable, example, required } = facts;
    const keywords = Object.fromEntries(
      KEYWORDS.filter((name) => facts[name] !== undefined).map((name) => [name, facts[name]]),
    );
    const examples = example === undefined ? {} : { examples: [example] };
    const mayBeNull = nullable === true || required === false;
    if (dto && isArray)
      return { ...keywords, ...examples, type: mayBeNull ? ['array', 'null'] : 'array', items: this.ref(dto()) };
    if (dto) {
      const reference = this.ref(dto());
      return {
        ...(facts.description !== undefined && { description: facts.description }),
        ...(mayBeNull ? { oneOf: [reference, { type: 'null' }] } : { allOf: [reference] }),
      };
    }
    const values = mayBeNull && facts.enum ? { enum: [...facts.enum, null] } : {};
    return {
      ...keywords,
      ...values,
      ...examples,
      type: mayBeNull ? [type, 'null'] : type,
      ...(facts.items && { items: facts.items }),
    };
  }
}

/** An example made of the fields' examples. */
export function exampleOf(dto: DtoClass): Record<string, unknown> {
  return Object.fromEntries(fieldsOf(dto).map(([name, facts]) => [name, exampleOfField(facts)]));
}

function exampleOfField({ type, dto, isArray, example, enum: values, nullable }: FieldFacts): unknown {
  if (example !== undefined) return example;
  if (dto) return isArray ? [exampleOf(dto())] : exampleOf(dto());
  if (values) return values[0];
  if (nullable === true) return null;
  if (type === 'array') return [];
  if (type === 'boolean') return true;
  return type === 'string' ? 'text' : 1;
}

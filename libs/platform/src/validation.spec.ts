import { describe, expect, it } from '@jest/globals';
import * as contracts from '@qa-pms/contracts';
import { AppError, CorrectSession, CreateTemplate, type DtoClass, fieldsOf, UpdateReport } from '@qa-pms/contracts';
import { type JsonSchema, jsonSchemaOf, validatePayload, validateReceived, type Violation } from './validation.js';

const ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';
const TEMPLATE = { name: 'Hotfix', steps: [{ name: 'Look', description: '', estimateSeconds: 60 }] };

function violationsOf(...[dto, payload]: Parameters<typeof validatePayload>): Violation[] {
  try {
    validatePayload(dto, payload);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.details['violations'] as Violation[];
  }
}

describe('a payload', () => {
  it('is legal with what may be left out left out, or null', () => {
    expect(violationsOf(CreateTemplate, TEMPLATE)).toEqual([]);
    expect(violationsOf(CreateTemplate, { ...TEMPLATE, ticketType: null })).toEqual([]);
  });

  it('is refused with every fault, each named by its place', () => {
    const payload = { name: 7, steps: [{ name: '', description: '', estimateSeconds: -1, extra: true }] };
    const paths = violationsOf(CreateTemplate, payload).map(({ path, rule }) => `${path} ${rule}`);

    expect(new Set(paths)).toEqual(
      new Set([
        'name isString',
        'name isLength',
        'steps[0].name isLength',
        'steps[0].estimateSeconds min',
        'steps[0].extra whitelistValidation',
      ]),
    );
  });

  it.each([null, [], 'x', 1])('is refused when it is no object: %j', (payload) => {
    expect(violationsOf(CreateTemplate, payload)).toHaveLength(1);
  });

  it.each([
    ['values', { ...TEMPLATE, steps: Array.from({ length: 340_000 }, () => ({})) }],
    [
      'names',
      { ...TEMPLATE, ...Object.fromEntries(Array.from({ length: 80_000 }, (_, index) => [`n${String(index)}`, 1])) },
    ],
  ])('is told only its first fault when it has very many %s', (_what, payload) => {
    expect(violationsOf(CreateTemplate, payload)).toEqual([
      { path: expect.any(String), rule: expect.any(String), message: expect.any(String) },
    ]);
  });

  it.each<[unknown]>([[{ toString: 1, valueOf: null }], [{ toJSON: 'x' }], [[[]]], ['7'], [true]])(
    'is refused with anything but a number in the place of one: %j',
    (value) => {
      const steps = [{ name: 'Look', description: '', estimateSeconds: value }];
      const gaps = [{ stepIndex: 0, ratio: value, reason: null }];

      expect(violationsOf(CreateTemplate, { name: 'x', steps })).toContainEqual(
        expect.objectContaining({ path: 'steps[0].estimateSeconds' }),
      );
      expect(violationsOf(UpdateReport, { id: ID, expectedVersion: 1, gaps })).toContainEqual(
        expect.objectContaining({ path: 'gaps[0].ratio' }),
      );
    },
  );

  it.each([
    ['2026-11-21T09:30:00Z', true],
    ['2026-11-21T09:30:00.123456789+14:00', true],
    ['2026-11-21T09:30:00-15:59', true],
    ['2026-11-21T09:30:00+16:00', false],
    ['2026-11-21T09:30:00+23:59', false],
    ['2026-02-30T09:30:00Z', false],
    ['0000-01-01T00:00:00Z', false],
    ['2026-11-21T09:30:00', false],
    ['2026-11-21', false],
    ['epoch', false],
  ])('takes %s as a moment: %s', (startedAt, isLegal) => {
    expect(violationsOf(CorrectSession, { id: ID, startedAt, reason: 'x' }).length === 0).toBe(isLegal);
  });
});

/** What a declared field and its compiled check have in common. */
const SHARED = ['type', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'enum'];

function shared(schema: Record<string, unknown>): unknown {
  const items = schema['items'] as JsonSchema | undefined;
  // At least none is no demand.
  const told = SHARED.filter(
    (keyword) => schema[keyword] !== undefined && !(keyword === 'minItems' && schema[keyword] === 0),
  );
  const own = told.map((keyword) => [keyword, schema[keyword]]);
  return { ...(Object.fromEntries(own) as object), ...(items?.type && { items: items.type }) };
}

describe('the check of a class', () => {
  const dtos = (Object.values(contracts) as unknown[]).filter(
    (one): one is DtoClass =>
      typeof one === 'function' && one.prototype !== undefined && fieldsOf(one as DtoClass).length > 0,
  );

  it('demands of each field just what is declared of it', () => {
    const declared: [string, unknown][] = [];
    const compiled: [string, unknown][] = [];
    for (const dto of dtos) {
      const { properties = {} } = jsonSchemaOf(dto);
      for (const [name, facts] of fieldsOf(dto)) {
        if (facts.dto) continue;
        const property = properties[name] ?? {};
        const [bare = property] = (property['anyOf'] as JsonSchema[] | undefined) ?? [];
        declared.push([`${dto.name}.${name}`, shared(facts)]);
        compiled.push([`${dto.name}.${name}`, shared(bare)]);
      }
    }

    expect(declared.length).toBeGreaterThan(300);
    expect(Object.fromEntries(compiled)).toEqual(Object.fromEntries(declared));
  });
});

describe('a payload of an event that came', () => {
  it('loses what this version does not know, at every depth', () => {
    const payload = {
      ...TEMPLATE,
      ticketType: null,
      mood: 'good',
      steps: [{ ...TEMPLATE.steps[0], colour: { hue: 1 } }],
    };

    validateReceived(CreateTemplate, payload);

    expect(payload).toEqual({ ...TEMPLATE, ticketType: null });
  });

  it('is refused all the same where a known field is wrong', () => {
    expect(() => {
      validateReceived(CreateTemplate, { ...TEMPLATE, name: 7, mood: 'good' });
    }).toThrow(AppError);
  });
});

import { describe, expect, it } from '@jest/globals';
import * as contracts from './index.js';
import { type DtoClass, type FieldFacts, fieldsOf, type MessageClass } from './index.js';

const MESSAGES = (Object.values(contracts) as unknown[]).filter(
  (one): one is MessageClass => typeof one === 'function' && 'contract' in one,
);

/** Names of all fields of a class and of those within it. */
function namesOf(dto: DtoClass): string[] {
  return fieldsOf(dto).flatMap(([name, facts]) => [name, ...(facts.dto ? namesOf(facts.dto()) : [])]);
}

/** An answer has at most so many bytes: docs/adr/0009. */
const ANSWER_BYTES = 8_000_000;

/** The shortest JSON that an object of a class can have, in characters. */
function leastOf(dto: DtoClass): number {
  const fields = fieldsOf(dto).map(([name, facts]) => `"${name}":,`.length + leastOfValue(facts));
  return fields.reduce((sum, length) => sum + length, 1);
}

function leastOfValue({ type, dto, isArray, format, enum: values, minLength, nullable }: FieldFacts): number {
  if (isArray) return '[]'.length;
  const texts: Record<string, number> = { uuid: 36, 'date-time': 24 };
  const text = Math.min(...(values ?? ['']).map((value) => value.length));
  const inText = texts[format ?? ''] ?? Math.max(text, Number(minLength ?? 0));
  const least = dto ? leastOf(dto()) : type === 'string' ? inText + 2 : 1;
  return nullable ? Math.min(least, 'null'.length) : least;
}

describe('a message', () => {
  it('that lists without pages allows as many rows as an answer can hold', () => {
    const lists = MESSAGES.filter(({ contract: { reply } }) => {
      const names = reply ? fieldsOf(reply).map(([name]) => name) : [];
      return names.includes('others') || (names.includes('data') && names.length === 1);
    });

    const most = lists.map(({ contract: { name, reply } }) => {
      const [, facts] = fieldsOf(reply as DtoClass).find(([, { isArray }]) => isArray) ?? [];
      const row = facts?.dto as () => DtoClass;
      return [name, Number(facts?.['maxItems']) * leastOf(row()) > ANSWER_BYTES];
    });

    expect(most).toEqual([
      ['get-active-workflows', true],
      ['get-averages', true],
      ['list-estimates', true],
      ['list-transitions', true],
    ]);
  });

  it('that holds a password or a token is confidential, and no event', () => {
    const secret = /password|token|secret/i;
    const secretive = MESSAGES.filter((message) =>
      [message, message.contract.reply].some((dto) => dto && namesOf(dto).some((name) => secret.test(name))),
    );

    const facts = secretive.map(({ contract: { name, kind, confidential } }) => ({ name, kind, confidential }));
    expect(facts.map(({ name }) => name).sort()).toEqual(['create-user', 'login', 'seed-demo']);
    expect(facts.filter(({ kind, confidential }) => confidential !== true || kind === 'event')).toEqual([]);
  });

  it('that is based on a version says that another may be there', () => {
    const based = MESSAGES.filter((message) => fieldsOf(message).some(([name]) => name === 'expectedVersion'));

    const silent = based.filter(({ contract }) => contract.errors?.includes('PRECONDITION_FAILED') !== true);
    expect(based.length).toBeGreaterThan(10);
    expect(silent.map(({ contract }) => contract.name)).toEqual([]);
  });

  it('that lists pages takes an order', () => {
    const fields = MESSAGES.map((message) => [message.contract.name, fieldsOf(message).map(([name]) => name)] as const);
    const paged = fields.filter(([, names]) => names.includes('pageSize'));

    expect(paged.length).toBeGreaterThan(0);
    expect(paged.filter(([, names]) => !names.includes('sortBy'))).toEqual([]);
  });
});

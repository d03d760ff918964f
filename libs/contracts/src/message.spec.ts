import { describe, expect, it } from '@jest/globals';
import * as contracts from './index.js';
import { type DtoClass, fieldsOf, type MessageClass } from './index.js';

const MESSAGES = (Object.values(contracts) as unknown[]).filter(
  (one): one is MessageClass => typeof one === 'function' && 'contract' in one,
);

/** Names of all fields of a class and of those within it. */
function namesOf(dto: DtoClass): string[] {
  return fieldsOf(dto).flatMap(([name, facts]) => [name, ...(facts.dto ? namesOf(facts.dto()) : [])]);
}

describe('a message', () => {
  it('that holds a password or a token is confidential, and no event', () => {
    const secret = /password|token|secret/i;
    const secretive = MESSAGES.filter((message) =>
      [message, message.contract.reply].some((dto) => dto && namesOf(dto).some((name) => secret.test(name))),
    );

    const facts = secretive.map(({ contract: { name, kind, confidential } }) => ({ name, kind, confidential }));
    expect(facts.map(({ name }) => name).sort()).toEqual(['create-user', 'login', 'seed-demo']);
    expect(facts.filter(({ kind, confidential }) => confidential !== true || kind === 'event')).toEqual([]);
  });

  it('that lists pages takes an order', () => {
    const fields = MESSAGES.map((message) => [message.contract.name, fieldsOf(message).map(([name]) => name)] as const);
    const paged = fields.filter(([, names]) => names.includes('pageSize'));

    expect(paged.length).toBeGreaterThan(0);
    expect(paged.filter(([, names]) => !names.includes('sortBy'))).toEqual([]);
  });
});

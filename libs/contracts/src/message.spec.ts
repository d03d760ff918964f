import { describe, expect, it } from '@jest/globals';
import * as contracts from './index.js';
import { type DtoClass, fieldsOf, type MessageClass } from './index.js';

const MESSAGES = (Object.values(contracts) as unknown[]).filter(
  (one): one is MessageClass => typeof one === 'function' && 'contract' in one,
);

/** Names of all fields of a class and of those within it. */
function namesOf(dto: DtoClass): string[] {
  return fieldsOf(dto).flatMap(([name, { type }]) => {
    const isOfLanguage = type === String || type === Number || type === Boolean || type === Object;
    return typeof type === 'function' && !isOfLanguage ? [name, ...namesOf((type as () => DtoClass)())] : [name];
  });
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
});

import { describe, expect, it } from '@jest/globals';
import { checkPassword } from './password-rules.js';

describe('the rules for passwords', () => {
  it.each([
    ['of 12 characters', 'twelve chars'],
    ['of 1000 characters', 'x'.repeat(1000)],
    ['with signs beyond the Latin alphabet', 'пароль из слов 🔑'],
  ])('accept one %s', (_what, password) => {
    expect(() => {
      checkPassword(password, 'qa');
    }).not.toThrow();
  });

  it.each([
    ['one of 11 characters', 'minLength', 'eleven char'],
    ['one whose 12 units are 6 characters', 'minLength', '🔑'.repeat(6)],
    ['one of 1001 characters', 'maxLength', 'x'.repeat(1001)],
    ['the user name in other capitals', 'notUsername', 'QUINN.ABARA.QA'],
  ])('refuse %s', (_what, rule, password) => {
    const violations = [expect.objectContaining({ path: 'password', rule })];

    expect(() => {
      checkPassword(password, 'quinn.abara.qa');
    }).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR', details: { violations } }));
  });
});

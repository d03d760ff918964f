import { describe, expect, it } from '@jest/globals';
import { checkLanguage, checkTimeZone } from './locale-rules.js';

const refusal = (path: string, rule: string) =>
  expect.objectContaining({
    code: 'VALIDATION_ERROR',
    details: { violations: [expect.objectContaining({ path, rule })] },
  });

describe('the rule for time zones', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata'])('accepts %s', (timeZone) => {
    expect(() => {
      checkTimeZone(timeZone);
    }).not.toThrow();
  });

  it.each(['Mars/Olympus', '+02:00', '', 'Europe/Berlin; DROP TABLE users'])('refuses "%s"', (timeZone) => {
    expect(() => {
      checkTimeZone(timeZone);
    }).toThrow(refusal('timeZone', 'isTimeZone'));
  });
});

describe('the rule for languages', () => {
  it.each(['en', 'de-AT', 'zh-Hant-TW'])('accepts %s', (language) => {
    expect(() => {
      checkLanguage(language);
    }).not.toThrow();
  });

  it.each(['', 'e', 'en_US', 'english please'])('refuses "%s"', (language) => {
    expect(() => {
      checkLanguage(language);
    }).toThrow(refusal('language', 'isLanguage'));
  });
});

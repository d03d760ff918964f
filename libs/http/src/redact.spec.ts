import { describe, expect, it } from '@jest/globals';
import { redactUrl } from './redact.js';

describe('redactUrl', () => {
  it('keeps where a call goes, and no value that somebody gave', () => {
    const shown = redactUrl('https://user:pa%20ss@demo.example:8443/a/b?token=s3cret&q=my+words&q=more#part');

    expect(shown).toBe('https://demo.example:8443/a/b?token=REDACTED&q=REDACTED');
  });

  it('leaves an address without secrets as it is', () => {
    expect(redactUrl('https://demo.example/a')).toBe('https://demo.example/a');
  });
});

import { describe, expect, it } from '@jest/globals';
import { jsonDepth } from './json-depth.js';

describe('jsonDepth', () => {
  it.each([
    ['1', 0],
    ['{}', 1],
    ['[{"a": []}, [[]], {}]', 3],
    ['{"[[[[": "{{{\\"[[["}', 1],
    ['['.repeat(1_000_000), 1_000_000],
  ])('counts the levels of a text', (text, depth) => {
    expect(jsonDepth(text)).toBe(depth);
  });
});

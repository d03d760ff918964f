import { describe, expect, it } from '@jest/globals';
import { isDeeper } from './json-depth.js';

describe('isDeeper', () => {
  it.each([
    ['1', 0],
    ['{}', 1],
    ['[{"a": []}, [[]], {}]', 3],
    ['{"[[[[": "{{{\\"[[["}', 1],
    [`[${'{}, '.repeat(100)}[[]]]`, 3],
    ['['.repeat(1_000_000), 1_000_000],
  ])('counts the levels of a text', (text, depth) => {
    expect(isDeeper(text, depth)).toBe(false);
    expect(isDeeper(text, depth - 1)).toBe(true);
  });
});

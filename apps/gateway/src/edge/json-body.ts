import { isUtf8 } from 'node:buffer';
import { AppError } from '@qa-pms/contracts';
import { isDeeper } from '@qa-pms/platform';

/** Deeper nesting than any of our bodies has, by far; what is deeper would exhaust the stack of whoever reads it. */
const MAX_DEPTH = 64;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A JSON body. Throws MALFORMED_JSON and VALIDATION_ERROR for what no reader behind should see. */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw new AppError('MALFORMED_JSON', { reason: 'The body is not valid UTF-8.' });
  const text = bytes.toString('utf8');
  if (isDeeper(text, MAX_DEPTH))
    throw new AppError('MALFORMED_JSON', { reason: `Nested deeper than ${String(MAX_DEPTH)}.` });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new AppError('MALFORMED_JSON', { reason: error instanceof SyntaxError ? error.message : 'not JSON' });
  }
  // NUL and lone surrogates can only come escaped: raw, they are refused as JSON or as UTF-8.
  if (
    text.includes('\\u') ||
    text.includes('"__proto__"') ||
    text.includes('"constructor"') ||
    text.includes('"prototype"')
  ) {
    check(body, '');
  }
  return body;
}

/** Throws VALIDATION_ERROR where a text cannot be stored: PostgreSQL has no NUL, UTF-8 no lone surrogate. */
export function checkText(value: string, path: string): void {
  if (value.includes('\0') || !value.isWellFormed()) {
    throw AppError.invalid(path, 'isText', 'must not contain NUL characters or lone surrogates');
  }
}

/** Throws VALIDATION_ERROR for names that would reach an object's prototype. */
export function checkKey(key: string, path: string): void {
  if (FORBIDDEN_KEYS.has(key)) throw AppError.invalid(path, 'whitelistValidation', `property ${key} should not exist`);
}

function check(value: unknown, path: string): void {
  if (typeof value === 'string') {
    checkText(value, path);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      check(item, `${path}[${String(index)}]`);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const inner = path === '' ? key : `${path}.${key}`;
      checkKey(key, inner);
      checkText(key, 'a property name');
      check(item, inner);
    }
  }
}

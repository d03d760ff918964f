import { isUtf8 } from 'node:buffer';
import { AppError } from '@qa-pms/contracts';
import { isLegalText, ILLEGAL_TEXT } from './legal-text.js';
import { violation } from './errors.js';

/** Deepest nesting of objects and arrays in a body. */
export const MAX_DEPTH = 64;

/** Only with one of these can a parsed body hold something that is refused: the tree is walked then only. */
const SUSPICIOUS = /\\u|__proto__|constructor/;

/** A JSON body as a value that no later code has to fear. Undefined where there is none. */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw new AppError('MALFORMED_JSON', { reason: 'It is not valid UTF-8.' });
  if (isTooDeep(body)) throw new AppError('MALFORMED_JSON', { reason: `It is nested deeper than ${String(MAX_DEPTH)}.` });
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('MALFORMED_JSON', {}, { cause: error });
  }
  if (SUSPICIOUS.test(text)) refuseHostile(value, '');
  return value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Counts brackets outside of strings, before anything is built from them. In UTF-8 no other character has such a byte. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (CLOSING.has(byte)) depth -= 1;
  }
  return false;
}

function refuseHostile(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (!isLegalText(value)) throw violation(path, 'isLegalText', ILLEGAL_TEXT);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      refuseHostile(item, `${path}[${String(index)}]`);
    });
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (!isLegalText(key)) throw violation(path, 'isLegalText', ILLEGAL_TEXT);
    const own = path === '' ? key : `${path}.${key}`;
    if (key === '__proto__' || (key === 'constructor' && isObjectWith(item, 'prototype'))) {
      throw violation(own, 'isLegalName', `${key} is not allowed as a name`);
    }
    refuseHostile(item, own);
  }
}

function isObjectWith(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

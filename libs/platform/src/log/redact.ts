import { redactText, REDACTED, sqlText } from './redact-text.js';

/** Parts of key names, without case, `_` and `-`, whose values are secrets. */
const SECRET_PARTS = ['password', 'passwd', 'passphrase', 'secret', 'credential', 'apikey', 'authorization', 'cookie'];
/** Ends of key names whose values are secrets: `tokenCount` is none. */
const SECRET_END = /(?:token|pass|pwd|jwt|(?:private|encryption|master|signing|previous)key)(?:s|pem)?$/;
/** Names that are secrets in their place only: the code of an OAuth sign-in is one, that of an error is not. */
const SECRET_PATHS = new Map([
  ['query', new Set(['code', 'state', 'key', 'sig', 'signature', 'auth'])],
  ['body', new Set(['code'])],
  ['headers', new Set(['signature'])],
]);

/** Names of what carries the values of a statement. */
const SQL_VALUES = new Set(['parameters', 'values', 'bindings']);
/** Arrays of this name may have names and values in turn: Node's and undici's. */
const IN_TURN = new Set(['rawHeaders', 'headers']);

/** Deeper than any fact of ours; what is deeper is left out. */
const MAX_DEPTH = 12;
/** Values of one line; a line that holds a whole client or socket by mistake is cut. */
const MAX_VALUES = 500;
/** Key names that were looked at are remembered: there are few, and bodies could bring any number. */
const KNOWN_KEYS = 2_000;
const known = new Map<string, boolean>();

/** Whether what stands under this name is a secret. */
export function isSecretName(name: string): boolean {
  const cached = known.get(name);
  if (cached !== undefined) return cached;
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const secret = SECRET_PARTS.some((part) => plain.includes(part)) || SECRET_END.test(plain);
  if (known.size < KNOWN_KEYS) known.set(name, secret);
  return secret;
}

interface Walk {
  values: number;
  /** Objects above the current one. */
  above: unknown[];
}

/** A copy of the facts of a log line without the secrets in it, whatever they are and wherever they stand. */
export function redactFacts(facts: object): Record<string, unknown> {
  return redactObject(facts as Record<string, unknown>, '', { values: 0, above: [] });
}

function redactObject(source: Record<string, unknown>, place: string, walk: Walk): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  const secretHere = SECRET_PATHS.get(place);
  walk.above.push(source);
  for (const key in source) {
    if (!Object.hasOwn(source, key)) continue;
    const value = read(source, key);
    const secret = isSecretName(key) || secretHere?.has(key) === true || (key === 'value' && isSecretPair(source));
    copy[key.length > 12 ? redactText(key) : key] = secret
      ? mask(value)
      : SQL_VALUES.has(key)
        ? countValues(value)
        : redactValue(value, key, walk);
  }
  walk.above.pop();
  return copy;
}

/** `{ name: 'Authorization', value: … }`: headers, fields of forms, environments. */
function isSecretPair(source: Record<string, unknown>): boolean {
  return ['name', 'key'].map((key) => read(source, key)).some((name) => typeof name === 'string' && isSecretName(name));
}

function countValues(value: unknown): unknown {
  return Array.isArray(value) ? `[${String(value.length)} values]` : mask(value);
}

/** Whether there is a secret, and null or an empty text, is a fact of its own. */
function mask(value: unknown): unknown {
  return value === undefined || value === null || value === '' || typeof value === 'boolean' ? value : REDACTED;
}

function redactValue(value: unknown, place: string, walk: Walk): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  walk.values += 1;
  if (walk.values > MAX_VALUES) return '[too many values]';
  if (walk.above.length >= MAX_DEPTH) return '[too deep]';
  if (walk.above.includes(value)) return '[circular]';
  // A Buffer's own JSON form would show its bytes.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${String(value.byteLength)} bytes]`;
  if (Array.isArray(value)) return redactArray(value, place, walk);
  if (value instanceof Error) return redactError(value, walk);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const json: unknown = call(value, toJSON as () => unknown);
    if (json === value) return redactObject(value as Record<string, unknown>, place, walk);
    walk.above.push(value);
    const shown = redactValue(json, place, walk);
    walk.above.pop();
    return shown;
  }
  return bytesOf(value as Record<string, unknown>) ?? redactObject(value as Record<string, unknown>, place, walk);
}

/** A Buffer that went through JSON. */
function bytesOf(value: Record<string, unknown>): string | null {
  const data = read(value, 'type') === 'Buffer' ? read(value, 'data') : null;
  return Array.isArray(data) ? `[${String(data.length)} bytes]` : null;
}

/** Each entry of a Map or of headers has its name first. */
function redactArray(array: unknown[], place: string, walk: Walk): unknown[] {
  const inPairs = IN_TURN.has(place) || array.length === 2;
  walk.above.push(array);
  const copy = array.slice(0, MAX_VALUES).map((value, index) => {
    const name: unknown = inPairs && index % 2 === 1 ? array[index - 1] : undefined;
    return typeof name === 'string' && typeof value === 'string' && isSecretName(name)
      ? REDACTED
      : redactValue(value, place, walk);
  });
  walk.above.pop();
  return copy;
}

function redactError(error: Error, walk: Walk): Record<string, unknown> {
  // pg's DatabaseError quotes rows and values; https://www.postgresql.org/docs/18/protocol-error-fields.html
  const ofDatabase = 'severity' in error || 'driverError' in error;
  const clean = ofDatabase ? (text: string): string => redactText(sqlText(text)) : redactText;
  const own = Object.entries(redactObject(error as unknown as Record<string, unknown>, 'error', walk));
  walk.above.push(error);
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const shown: Record<string, unknown> = {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    message: clean(error.message),
    stack: clean(String(error.stack)),
  };
  for (const [key, value] of own) {
    if (!(key in shown)) shown[key] = typeof value === 'string' ? clean(value) : value;
  }
  if (cause !== undefined) shown['cause'] = redactValue(cause, 'cause', walk);
  if (Array.isArray(errors)) shown['errors'] = redactArray(errors, 'errors', walk);
  walk.above.pop();
  return shown;
}

function read(source: Record<string, unknown>, key: string): unknown {
  try {
    return source[key];
  } catch {
    return '[not readable]';
  }
}

function call(value: object, toJSON: () => unknown): unknown {
  try {
    return toJSON.call(value);
  } catch {
    return '[not readable]';
  }
}

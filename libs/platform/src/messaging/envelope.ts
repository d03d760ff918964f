import { createHmac, timingSafeEqual } from 'node:crypto';
import { AppError, type EventClass, type MessageContract, type Permission, wireName } from '@qa-pms/contracts';
import type { Caller, MessageContext } from '../context.js';
import { decryptSecret, encryptSecret, signingKey } from '../secrets.js';
import { injectTrace } from '../telemetry/spans.js';
import { validateEvent } from '../validation.js';

/** Facts about a message, beside its body. On Kafka they are record headers. */
export type Headers = Record<string, string>;

/** A message as it travels; the body is JSON. */
export interface Envelope {
  key: string | null;
  headers: Headers;
  body: string;
}

/** An answer as it travels: the JSON reply, or an error's code with its facts. */
export interface ReplyEnvelope {
  ok: boolean;
  body: string;
}

/** A fact as it travels; its place names it for the dead letters. */
export interface EventEnvelope extends Envelope {
  topic: string;
}

type Carried = 'payload' | 'reply';

/**
 * Bytes of an event's JSON: that of a workflow carries the whole of it, with all that people wrote on its steps. Its
 * report has them twice, and must fit into a reply.
 */
const EVENT_BYTES = 3 * 1024 * 1024;
/** Bytes of a reply's JSON: what a record may have (RECORD_BYTES), less its headers. */
const REPLY_BYTES = 8_000_000;

/** The JSON of an event as it travels. Throws where it breaks its own contract, and CONTENT_TOO_LARGE. */
export function eventBody(event: EventClass, payload: object): string {
  validateEvent(event, payload);
  const json = JSON.stringify(payload);
  if (isLarger(json, EVENT_BYTES)) throw new AppError('CONTENT_TOO_LARGE', { limitBytes: EVENT_BYTES });
  return json;
}

function isLarger(text: string, bytes: number): boolean {
  // Of a UTF-16 unit UTF-8 makes three bytes at most.
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}

/** The JSON of a payload or reply as it travels. Throws ANSWER_TOO_LARGE. */
export function toWire(contract: MessageContract, carried: Carried, json: string): string {
  if (carried === 'reply' && isLarger(json, REPLY_BYTES))
    throw new AppError('ANSWER_TOO_LARGE', { limitBytes: REPLY_BYTES });
  return contract.confidential === true ? encryptSecret(json, `${wireName(contract)} ${carried}`) : json;
}

/** The JSON that `toWire` was given. Throws where that was elsewhere, or with a key that is not here. */
export function fromWire(contract: MessageContract, carried: Carried, text: string): string {
  return contract.confidential === true ? decryptSecret(text, `${wireName(contract)} ${carried}`) : text;
}

/** What the signature of a request covers, in its order. */
const SIGNED = ['name', 'id', 'user', 'project', 'permissions', 'deadline', 'system', 'idempotency'] as const;

/** Headers of a request, signed: a service trusts no header by itself. */
export function requestHeaders(name: string, context: MessageContext & { deadline: number }, body: string): Headers {
  const headers: Headers = {
    name,
    id: context.messageId,
    'request-id': context.requestId,
    deadline: String(context.deadline),
  };
  writeCaller(headers, context.caller);
  injectTrace(headers);
  if (context.idempotencyHash !== null) headers['idempotency'] = context.idempotencyHash;
  headers['signature'] = signature(headers, body);
  return headers;
}

/** Headers of an event. Not signed: events may be replayed much later. */
export function eventHeaders(name: string, id: string, context: MessageContext): Headers {
  const headers: Headers = { name, id, 'request-id': context.requestId, at: String(Date.now()) };
  if (context.caller.userId !== null) headers['user'] = context.caller.userId;
  if (context.caller.projectId !== null) headers['project'] = context.caller.projectId;
  injectTrace(headers);
  return headers;
}

function writeCaller(headers: Headers, caller: Caller): void {
  if (caller.userId !== null) headers['user'] = caller.userId;
  if (caller.displayName !== null) headers['user-name'] = encodeURIComponent(caller.displayName);
  if (caller.projectId !== null) headers['project'] = caller.projectId;
  headers['permissions'] = caller.permissions.join(',');
  if (caller.system) headers['system'] = '1';
}

/** The context of a request that came in. Throws UNAUTHENTICATED where the signature is not ours. */
export function contextOfRequest({ headers, body }: Envelope): MessageContext & { deadline: number } {
  const given = Buffer.from(headers['signature'] ?? '', 'base64url');
  const expected = Buffer.from(signature(headers, body), 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new AppError('UNAUTHENTICATED', {
      reason: 'The signature of the request is not valid: do all services have the same ENCRYPTION_KEY?',
    });
  }
  const permissions = headers['permissions'] ?? '';
  return {
    messageId: headers['id'] ?? '',
    requestId: headers['request-id'] ?? '',
    deadline: Number(headers['deadline']),
    idempotencyHash: headers['idempotency'] ?? null,
    caller: {
      userId: headers['user'] ?? null,
      displayName: headers['user-name'] === undefined ? null : decodeURIComponent(headers['user-name']),
      projectId: headers['project'] ?? null,
      permissions: permissions === '' ? [] : (permissions.split(',') as Permission[]),
      system: headers['system'] === '1',
    },
  };
}

/** The context of an event: the system acts, in the project that the event came from. */
export function contextOfEvent({ headers }: Envelope): MessageContext {
  return {
    messageId: headers['id'] ?? '',
    requestId: headers['request-id'] ?? headers['id'] ?? '',
    deadline: null,
    idempotencyHash: null,
    caller: {
      userId: headers['user'] ?? null,
      displayName: null,
      projectId: headers['project'] ?? null,
      permissions: [],
      system: true,
    },
  };
}

function signature(headers: Headers, body: string): string {
  let signed = '';
  for (const name of SIGNED) signed += `${headers[name] ?? ''}\n`;
  // One call with one string: hashing the body apart took as long again as the rest of the signature.
  return createHmac('sha256', signingKey())
    .update(signed + body)
    .digest('base64url');
}

import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Headers } from '../messaging/envelope.js';

/** A message inside a record: its facts, and JSON. */
export interface Frame {
  headers: Headers;
  body: string;
}

/** The record header that says that the value is frames. */
const FRAMES = 'frames';
/** Of each of the two lengths before a frame's parts. */
const LENGTH_BYTES = 4;

/**
 * Requests or replies as one record. Each part stands behind its length; to kafkajs it is one record without headers of
 * ours, whose writing and reading cost it more than the network. Events, which others may read, have records of their own.
 */
export function recordOf(frames: Frame[]): { headers: IHeaders; value: Buffer } {
  const parts = frames.flatMap(({ headers, body }) => [JSON.stringify(headers), body]);
  const sizes = parts.map((part) => Buffer.byteLength(part));
  const value = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + LENGTH_BYTES + size, 0));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    at = value.writeUInt32BE(sizes[index]!, at);
    at += value.write(part, at);
  }
  return { headers: { [FRAMES]: '1' }, value };
}

/** The messages of a record. What is none of ours has no headers: it will be refused for its signature. */
export function framesOf({ headers, value }: Pick<KafkaMessage, 'headers' | 'value'>): Frame[] {
  if (headers?.[FRAMES] === undefined || value === null)
    return [{ headers: textHeaders(headers), body: value?.toString() ?? '' }];
  try {
    const frames: Frame[] = [];
    for (let at = 0; at < value.length;) {
      const [head, body, end] = partsAt(value, at);
      frames.push({ headers: headersOf(head), body });
      at = end;
    }
    return frames;
  } catch {
    return [{ headers: {}, body: '' }];
  }
}

/** Two parts, and where they end. Throws where the value is too short. */
function partsAt(value: Buffer, at: number): [string, string, number] {
  const headAt = at + LENGTH_BYTES;
  const headEnd = headAt + value.readUInt32BE(at);
  const bodyAt = headEnd + LENGTH_BYTES;
  const bodyEnd = bodyAt + value.readUInt32BE(headEnd);
  if (bodyEnd > value.length) throw new RangeError('The record is too short for its frames.');
  return [value.toString('utf8', headAt, headEnd), value.toString('utf8', bodyAt, bodyEnd), bodyEnd];
}

function headersOf(text: string): Headers {
  const headers: unknown = JSON.parse(text);
  if (typeof headers !== 'object' || headers === null) return {};
  // Whoever reads them expects texts, and would throw at another value.
  return Object.values(headers).every((value) => typeof value === 'string') ? (headers as Headers) : {};
}

function textHeaders(headers: IHeaders | undefined): Headers {
  const text: Headers = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) text[name] = value.toString();
  }
  return text;
}

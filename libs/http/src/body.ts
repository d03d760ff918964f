import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { isDeeper } from '@qa-pms/platform';
import type { Headers } from './rate-limit-headers.js';

/** An answer whose body cannot be taken. The message is a sentence of ours. */
export class BadAnswer extends Error {}

/** What we say that we can decode. */
export const ACCEPT_ENCODING = 'gzip, br, deflate';

const DECODERS: Record<string, (() => Transform) | undefined> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  deflate: createInflate,
};

/** The body as text. Reads no more than `limit` bytes, neither as sent nor decompressed. Throws BadAnswer. */
export async function readText(body: Readable, headers: Headers, limit: number): Promise<string> {
  const tooLarge = `its answer is larger than ${limit} bytes`;
  const chunks: Buffer[] = [];
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of limited(source, limit, tooLarge)) chunks.push(chunk);
  };
  // Some servers name the encoding of a body that they do not send.
  const isEmpty = headers['content-length'] === '0';
  const encoding = isEmpty
    ? 'identity'
    : String(headers['content-encoding'] ?? 'identity')
        .trim()
        .toLowerCase();
  if (Number(headers['content-length'] ?? 0) > limit) {
    leave(body);
    throw new BadAnswer(tooLarge);
  }
  if (encoding === 'identity') {
    await pipeline(body, collect);
    return Buffer.concat(chunks).toString('utf8');
  }
  const decoder = DECODERS[encoding]?.();
  if (!decoder) {
    leave(body);
    throw new BadAnswer('its answer is encoded in a way that we did not ask for');
  }
  try {
    // Limited before, too: a stream of empty gzip members never yields a byte.
    await pipeline(body, (source: AsyncIterable<Buffer>) => limited(source, limit, tooLarge), decoder, collect);
  } catch (error) {
    if (/^(Z_|ERR__ERROR_|ERR_BROTLI|ERR_PADDING|ERR_ZLIB)/.test(String((error as { code?: unknown }).code))) {
      throw new BadAnswer('its answer cannot be decompressed');
    }
    throw error;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Closes a body that is not read, and with it its connection; undici tells that as an error of the stream. */
function leave(body: Readable): void {
  body.on('error', () => undefined).destroy();
}

async function* limited(source: AsyncIterable<Buffer>, limit: number, tooLarge: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > limit) throw new BadAnswer(tooLarge);
    yield chunk;
  }
}

/** Documents of rich text nest, but not like this; recursion stands it, and so does JSON.parse. */
const MAX_DEPTH = 1_000;

/** JSON of a text; null where it is empty. Throws BadAnswer. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return null;
  if (isDeeper(text, MAX_DEPTH)) throw new BadAnswer(`its answer nests deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(text);
  } catch {
    const html = /^\s*<(!doctype html|html)/i.test(text);
    throw new BadAnswer(
      html ? 'its answer is a web page, not JSON: is the address that of its API?' : 'its answer is not JSON',
    );
  }
}

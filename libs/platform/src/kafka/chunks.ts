import type { Headers } from '../messaging/envelope.js';

/**
 * Bytes of values and headers that are sent at once: all of them may come into one partition, whose batch a broker
 * takes only up to RECORD_BYTES, and by its own default up to 1 MiB.
 */
const CHUNK_BYTES = 900_000;
/** Of each record and header beside its text: lengths, offset, time. https://kafka.apache.org/documentation/#record */
const FRAME_BYTES = 20;

/** Records in groups that a broker takes at once, in their order; a record that is too large for any stands alone. */
export function chunks<T>(records: T[], partsOf: (record: T) => { value: string; headers: Headers }): T[][] {
  const result: T[][] = [];
  let room = 0;
  for (const record of records) {
    const { value, headers } = partsOf(record);
    let size = FRAME_BYTES + Buffer.byteLength(value);
    for (const [name, text] of Object.entries(headers)) size += FRAME_BYTES + name.length + text.length;
    if (size > room) {
      result.push([]);
      room = CHUNK_BYTES;
    }
    result.at(-1)?.push(record);
    room -= size;
  }
  return result;
}

/** Whether a broker refused records for their size. https://kafka.apache.org/protocol#protocol_error_codes */
export function isTooLarge(error: unknown): boolean {
  const { type, cause } = (error ?? {}) as { type?: unknown; cause?: unknown };
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return true;
  return cause !== undefined && isTooLarge(cause);
}

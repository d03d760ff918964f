import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A configuration of 10,000 lines takes 300 KB, a bundle of all public CAs 220 KB. */
const MOST_BYTES = 1024 * 1024;

const REASONS: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a loop of symbolic links',
  ENOTDIR: 'does not exist: a part of its path is no folder',
  ENXIO: 'is no regular file',
};

/**
 * The text of a small regular file. Throws an Error whose message is the rest of a sentence that begins with the path.
 * Devices and pipes are refused before anything is read of them: they may never end, or never begin.
 */
export function readSmallFile(path: string): string {
  let file: number;
  try {
    // Without O_NONBLOCK opening a pipe waits for its writer: https://man7.org/linux/man-pages/man2/open.2.html
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new Error(REASONS[code] ?? `cannot be read (${message})`, { cause: error });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error(stat.isDirectory() ? 'is a folder' : 'is no regular file');
    return decode(readUpTo(file, MOST_BYTES));
  } finally {
    closeSync(file);
  }
}

/** Not the size that stat tells: a file may grow meanwhile, and those of /proc say 0. */
function readUpTo(file: number, most: number): Buffer {
  const buffer = Buffer.alloc(most + 1);
  let length = 0;
  for (;;) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    length += read;
    if (length > most) throw new Error(`is larger than ${String(most / 1024)} KB`);
    if (read === 0) return buffer.subarray(0, length);
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('is no text in UTF-8', { cause: error });
  }
}

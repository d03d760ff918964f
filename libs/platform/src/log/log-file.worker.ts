import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import roll from 'pino-roll';
import type { LogFileOptions } from './log-file.js';

// Runs in a thread of its own, which loads this one file: what it needs of ours stands here.

/** Lines that wait for a disk that is full or slow; what comes beyond is left out of the files. */
const WAITING_BYTES = 16 * 1024 * 1024;
const TIDY_MS = 10 * 60_000;
/** Between two tries to write after the disk refused. */
const RETRY_MS = 1_000;
/** The end waits no longer for a disk. */
const CLOSE_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The thread that writes log files: pino calls this once in it. */
export default async function logFile(options: LogFileOptions): Promise<Writable> {
  const { folder, name, megabytes } = options;
  const file = await roll({
    file: join(folder, `${name}.log`),
    size: `${String(Math.ceil(megabytes * 1024))}k`,
    frequency: 'daily',
    dateFormat: 'yyyy-MM-dd',
    maxLength: WAITING_BYTES,
    mode: 0o640,
  });
  let refused: string | null = null;
  const complain = (error: NodeJS.ErrnoException): void => {
    const { code = error.message } = error;
    // Once for each kind: standard output has the lines, this says why the files do not.
    if (code !== refused) process.stderr.write(`Log files in ${folder} are not written: ${code}\n`);
    refused = code;
  };
  file.on('error', complain);
  file.on('write', () => {
    refused = null;
  });
  let tidying = Promise.resolve();
  const tidy = (): void => {
    const { file: current } = file;
    if (current !== null) tidying = tidying.then(() => tidyLogs(options, basename(current))).catch(complain);
  };
  // The first file is open, or the next: before that it has no name.
  file.on('ready', tidy);
  const timers = [
    setInterval(tidy, TIDY_MS),
    setInterval(() => {
      // SonicBoom keeps what a disk refused, and tries again with the next line only.
      if (refused !== null) file.write('');
    }, RETRY_MS),
  ];
  return new Writable({
    decodeStrings: false,
    write: (lines: string, _encoding, done) => {
      file.write(lines);
      done();
    },
    final: (done) => {
      for (const timer of timers) clearInterval(timer);
      const closed = new Promise<void>((resolve) => {
        file.once('close', resolve);
        file.once('error', () => {
          resolve();
        });
        setTimeout(resolve, CLOSE_MS);
      });
      // Not flushSync(): while the disk is full it never returns.
      file.end();
      void Promise.all([closed, tidying]).then(() => {
        done();
      });
    },
  });
}

/** What stands behind the name of a process's files: `.2026-11-21.1.log`, compressed `.2026-11-21.1.log.gz`. */
const ENDING = /^\.(\d{4}-\d\d-\d\d)\.(\d+)\.log(\.gz|\.part)?$/;

/**
 * Compresses the files that are full and removes those that are too old: pino-roll does neither. `current` is one that is
 * or was written to: a younger one may be written to by now. Throws what the file system says; what was not done is found
 * again the next time.
 */
export async function tidyLogs({ folder, name, days }: LogFileOptions, current: string): Promise<void> {
  /** Texts in the order in which the files were begun; empty for those of others. */
  const beginOf = (file: string): string => {
    const ending = file.startsWith(name) ? ENDING.exec(file.slice(name.length)) : null;
    return ending ? `${String(ending[1])} ${String(ending[2]).padStart(12, '0')}` : '';
  };
  for (const file of await readdir(folder)) {
    const begin = beginOf(file);
    if (begin === '' || begin >= beginOf(current)) continue;
    const path = join(folder, file);
    // A part is left behind by a crash: the file itself is still there.
    if (file.endsWith('.part') || Date.now() - (await stat(path)).mtimeMs > days * DAY_MS) await rm(path);
    else if (file.endsWith('.log')) await compress(path);
  }
}

async function compress(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  const part = `${path}.part`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(part, { mode: 0o640 }));
  // Its age counts from its last line.
  await utimes(part, atime, mtime);
  await rename(part, `${path}.gz`);
  await rm(path);
}

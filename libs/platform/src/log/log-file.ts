import { accessSync, constants } from 'node:fs';
import { extname, join } from 'node:path';
import { type DestinationStream, pino } from 'pino';
import { makeFolder } from '../make-folder.js';
import { settingName } from '../tls.js';
import { SettingsError } from '../configuration/settings-error.js';

/** Where the files of a process lie, and how long. */
export interface LogFileOptions {
  folder: string;
  /** Begin of their names; no other process writes files of this name there. */
  name: string;
  /** Megabytes after which the next file is begun; each day begins one in any case. */
  megabytes: number;
  /** Days that files are kept. */
  days: number;
}

/**
 * Writes lines to files, in a thread of its own: a slow disk does not hold up requests. Throws SettingsError where the
 * folder cannot be written to.
 */
export function openLogFile(options: LogFileOptions): DestinationStream & { end: () => void } {
  const { folder } = options;
  try {
    makeFolder(folder, 0o750);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const problem = `log files cannot be written there (${(error as NodeJS.ErrnoException).code ?? String(error)}): make it writable, or change ${settingName('log.file.folder')}`;
    throw new SettingsError([{ key: '', place: join(folder), problem }]);
  }
  // The worker is built beside this file; tests run both from their sources.
  const target = new URL(`./log-file.worker${extname(import.meta.url)}`, import.meta.url).href;
  return pino.transport<LogFileOptions>({ target, options });
}

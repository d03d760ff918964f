import type { Logger } from 'pino';
import { logFor } from '../log.js';
import type { Configuration } from './configuration.js';
import { sentence, SettingsError } from './settings-error.js';

/** One after the other: signals may come faster than files are read. */
let last: Promise<void> = Promise.resolve();

/** What SIGHUP does: reads the configuration again and logs what that changed. Never rejects. */
export function reloadConfiguration(process: { configuration: Configuration; logger: Logger }): Promise<void> {
  last = last.then(() => reload(process));
  return last;
}

async function reload({ configuration, logger }: { configuration: Configuration; logger: Logger }): Promise<void> {
  const log = logFor(logger, 'configuration');
  try {
    const { applied, needRestart } = await configuration.reload();
    log.info({ applied }, 'configuration reloaded');
    if (needRestart.length > 0) log.warn({ settings: needRestart }, 'changed settings need a restart');
  } catch (error) {
    const problems = error instanceof SettingsError ? { problems: error.problems.map(sentence) } : { err: error };
    log.error(problems, 'configuration not reloaded, the old values stay');
  }
}

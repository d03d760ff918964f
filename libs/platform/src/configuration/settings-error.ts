import { environmentName } from './setting.js';

/** One fault of a configuration. */
export interface SettingProblem {
  /** The setting; empty where a file as a whole is wrong. */
  key: string;
  /** Where it was said: `qa-pms.yaml:3:7`, or the name of an environment variable. */
  place: string;
  /** What is wrong, as the rest of a sentence that begins with the key. */
  problem: string;
  /** What is right: meaning and example. */
  hint?: string;
}

/** A file can hold a fault per line; nobody reads more of them than this. */
const MOST_SHOWN = 100;

/** A configuration that is wrong: all faults at once, each with its place and an example. */
export class SettingsError extends Error {
  constructor(readonly problems: SettingProblem[]) {
    const shown = problems.slice(0, MOST_SHOWN).map((problem) => `  - ${sentence(problem)}`);
    const more = problems.length - shown.length;
    if (more > 0) shown.push(`  … and ${String(more)} more`);
    super(`The configuration is not valid:\n${shown.join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** A fault as one line. */
export function sentence({ key, place, problem, hint }: SettingProblem): string {
  const subject = key === '' ? `${place}:` : place === environmentName(key) ? place : `${place}: ${key}`;
  return `${subject} ${problem}${problem.endsWith('?') ? '' : '.'}${hint === undefined ? '' : ` ${hint}`}`;
}

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { SimulatedComment } from './jira-types.js';

/** What was done to an issue. */
export interface IssueChange {
  key: string;
  /** Fields with their new values. */
  fields?: Record<string, unknown>;
  comment?: SimulatedComment;
  worklog?: Record<string, unknown> & { id: string };
  removed?: true;
}

/** What was done in the simulated Jira, so that its next start finds it: a file with a line of JSON each. */
export class Journal {
  /** When the site was made: its issues are as old as they were then. */
  readonly since: Date;
  readonly changes: IssueChange[];

  /** @param path made where it is missing, for its owner only: loaded issues may be real */
  constructor(
    private readonly path: string,
    now: Date,
  ) {
    const [first, ...changes] = existsSync(path) ? readLines(path) : [];
    const { since } = (first ?? {}) as { since?: string };
    this.since = new Date(since ?? now);
    this.changes = changes as IssueChange[];
    if (since === undefined) this.write({ since: now });
  }

  /** Before it is done: what was answered is kept. Throws where the disk takes no more. */
  write(line: IssueChange | { since: Date }): void {
    // The line's end comes first: what a full disk or a kill has cut short spoils no other.
    appendFileSync(this.path, `\n${JSON.stringify(line)}`, { mode: 0o600 });
  }
}

/** Lines that were cut short are left out: nobody was told that they were done. */
function readLines(path: string): unknown[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line): unknown[] => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

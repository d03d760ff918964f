import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startJiraSimulator } from './jira-simulator.js';
import type { JiraStore } from './jira-store.js';

const FIRST_START = new Date('2026-03-02T09:00:00Z');
const A_MONTH_LATER = new Date('2026-04-02T09:00:00Z');
const BODY = { type: 'doc', version: 1, content: [{ type: 'paragraph', content: [] }] };

let folder: string;
let journal: string;

/** What `use` does with the issues of a site that is started for it. */
async function duringAStart<T>(now: Date, use: (store: JiraStore) => T): Promise<T> {
  const options = { email: 'qa@example.com', apiToken: 'right', journal, now: () => now };
  const jira = await startJiraSimulator(options);
  try {
    return use(jira.store);
  } finally {
    await jira.stop();
  }
}

function comment(store: JiraStore, key: string): string {
  return store.comment(store.get(key), BODY, []).id;
}

describe('the journal of the simulated Jira', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'journal-'));
    journal = join(folder, 'jira.jsonl');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('keeps for the next start what was done, for the owner only', async () => {
    const before = await duringAStart(FIRST_START, (store) => {
      const issue = store.get('DEMO-1');
      store.transition(issue, '10005');
      comment(store, 'DEMO-1');
      store.worklog(issue, { started: '2026-03-02T08:00:00.000+0000', timeSpentSeconds: 120, properties: [] });
      store.change('DEMO-2', { summary: 'Renamed' });
      store.remove('DEMO-3');
      return structuredClone(store.all());
    });

    const after = await duringAStart(A_MONTH_LATER, (store) => structuredClone(store.all()));

    expect(after).toEqual(before);
    expect(after[0]?.fields).toMatchObject({ status: { name: 'Done' }, updated: '2026-03-02T09:00:00.000+0000' });
    expect(statSync(journal).mode & 0o777).toBe(0o600);
  });

  it('gives no id twice', async () => {
    const first = await duringAStart(FIRST_START, (store) => comment(store, 'DEMO-1'));
    const second = await duringAStart(A_MONTH_LATER, (store) => comment(store, 'DEMO-2'));

    expect(Number(second)).toBe(Number(first) + 1);
  });

  it('leaves out what was cut short, and nothing else', async () => {
    const counts = (store: JiraStore): number[] => ['DEMO-4', 'DEMO-5'].map((key) => store.get(key).comments.length);
    const [four = NaN, five = NaN] = await duringAStart(FIRST_START, (store) => {
      const before = counts(store);
      comment(store, 'DEMO-4');
      return before;
    });
    appendFileSync(journal, '\n{"key":"DEMO-4","comment":{"id":"90');
    await duringAStart(A_MONTH_LATER, (store) => comment(store, 'DEMO-5'));

    expect(await duringAStart(A_MONTH_LATER, counts)).toEqual([four + 1, five + 1]);
  });
});

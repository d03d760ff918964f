import { jqlValue } from '../jira.client.js';

/** Jira's search lags behind its writes by seconds, clocks differ, and JQL counts in whole minutes. */
const OVERLAP_MS = 5 * 60_000;

/** Everything of these Jira projects. */
export function wholeJql(projectKeys: readonly string[]): string {
  return `project in (${projectKeys.map(jqlValue).join(', ')}) ORDER BY key ASC`;
}

/**
 * What changed there since a moment, and a little before. The moment is relative: absolute ones are read in the time zone
 * of the account, which we do not know.
 */
export function changedJql(projectKeys: readonly string[], since: Date, now: Date): string {
  const minutes = Math.ceil((now.getTime() - since.getTime() + OVERLAP_MS) / 60_000);
  return `project in (${projectKeys.map(jqlValue).join(', ')}) AND updated >= "-${String(minutes)}m" ORDER BY updated ASC`;
}

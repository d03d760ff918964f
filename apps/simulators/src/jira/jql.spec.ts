import { describe, expect, it } from '@jest/globals';
import { demoIssues } from './demo/demo-issues.js';
import { JiraError } from './jira-error.js';
import { parseJql } from './jql.js';

const NOW = new Date('2026-01-17T12:00:00Z');
const ISSUES = demoIssues(NOW);
const context = { now: NOW.getTime(), projectKeys: new Set(['DEMO', 'OTHER']) };

function keysOf(jql: string): string[] {
  const { matches, compare } = parseJql(jql, context);
  return ISSUES.filter(matches)
    .sort(compare)
    .map((issue) => issue.key);
}

describe('parseJql', () => {
  it('finds the issues of a project in the wanted order', () => {
    expect(keysOf('project in ("OTHER") ORDER BY key DESC')).toEqual(['OTHER-4', 'OTHER-3', 'OTHER-2', 'OTHER-1']);
  });

  it('joins clauses with AND', () => {
    expect(keysOf('project = DEMO AND key in (DEMO-2, "DEMO-1", OTHER-1) order by key')).toEqual(['DEMO-1', 'DEMO-2']);
  });

  it('leaves out what NOT IN names', () => {
    expect(keysOf('project = OTHER AND key NOT IN (OTHER-1, OTHER-2, OTHER-3)')).toEqual(['OTHER-4']);
  });

  it('understands relative and absolute moments alike', () => {
    const relative = keysOf('project = DEMO AND updated >= "-1440m" ORDER BY key');

    expect(relative).toEqual(keysOf('project = DEMO AND updated >= "2026-01-16 12:00" ORDER BY key'));
    expect(relative.length).toBeGreaterThan(0);
    expect(relative.length).toBeLessThan(20);
  });

  it.each([
    ['', 'Unbounded'],
    ['ORDER BY key', 'Unbounded'],
    ['project = NONE', "The value 'NONE' does not exist"],
    ['colour = red', "Field 'colour' does not exist"],
    ['project = DEMO OR project = OTHER', 'cannot be understood'],
    ['project = DEMO AND updated >= "yesterday"', 'Date value'],
    ['project in (DEMO', 'Expecting'],
    ['project = "DEMO', 'cannot be understood'],
  ])('refuses %s', (jql, message) => {
    expect(() => parseJql(jql, context)).toThrow(JiraError);
    expect(() => parseJql(jql, context)).toThrow(message);
  });

  it('reads escaped quotes in values', () => {
    expect(keysOf(String.raw`project = DEMO AND status = "In \"QA\""`)).toEqual([]);
  });
});

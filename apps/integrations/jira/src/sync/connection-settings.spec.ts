import { describe, expect, it } from '@jest/globals';
import { SettingsError } from '@qa-pms/platform';
import { JiraSettings } from '../jira.settings.js';
import { readConnections } from './connection-settings.js';

const SITE = { siteUrl: 'https://a.atlassian.net', email: 'bot@example.com', apiToken: 'hidden-token' };

function read(values: Partial<JiraSettings>) {
  return readConnections(Object.assign(new JiraSettings(), values));
}

function problemsOf(values: Partial<JiraSettings>): string[] {
  try {
    read(values);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('readConnections', () => {
  it('is empty without settings', () => {
    expect(read({})).toEqual([]);
  });

  it('reads the single connection', () => {
    expect(read({ ...SITE, siteUrl: `${SITE.siteUrl}/`, projectKeys: 'PMS, BOOK,' })).toEqual([
      { ...SITE, projectKeys: ['PMS', 'BOOK'], project: 'DEMO' },
    ]);
  });

  it('reads further connections from JSON, with keys as a list or as text', () => {
    const connections = JSON.stringify([
      { ...SITE, projectKeys: ['X'], project: 'OTHER' },
      { ...SITE, projectKeys: 'Y', project: 'THIRD' },
    ]);

    const all = read({ ...SITE, connections });

    expect(all.map((one) => [one.project, one.projectKeys])).toEqual([
      ['DEMO', []],
      ['OTHER', ['X']],
      ['THIRD', ['Y']],
    ]);
  });

  it('names every fault, and no token', () => {
    const problems = problemsOf({
      siteUrl: 'ftp://x',
      apiToken: 'hidden-token',
      projectKeys: 'lower',
      connections: '{"hidden": 1}',
    });

    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).not.toContain('hidden');
  });

  it('refuses the same site twice in one project', () => {
    expect(problemsOf({ ...SITE, connections: JSON.stringify([SITE]) })).toHaveLength(1);
  });
});

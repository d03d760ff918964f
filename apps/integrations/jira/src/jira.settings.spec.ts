import { describe, expect, it } from '@jest/globals';
import { Configuration, SettingsError } from '@qa-pms/platform';
import { connectionsOf, JiraSettings } from './jira.settings.js';

const SITE = {
  JIRA_SITE_URL: 'https://a.atlassian.net',
  JIRA_EMAIL: 'bot@example.com',
  JIRA_API_TOKEN: 'hidden-token',
};
const LISTED = { site_url: 'https://a.atlassian.net', email: 'bot@example.com', api_token: 'hidden-token' };

function read(environment: Record<string, string>): JiraSettings {
  return Configuration.fromEnvironment(environment).read(JiraSettings);
}

function problemsOf(environment: Record<string, string>): string[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ key, problem }) => `${key} ${problem}`);
    throw error;
  }
  return [];
}

describe('JiraSettings', () => {
  it('connect nothing by default', () => {
    expect(connectionsOf(read({}))).toEqual([]);
  });

  it('read the single connection', () => {
    const settings = read({ ...SITE, JIRA_SITE_URL: 'https://a.atlassian.net/', JIRA_PROJECT_KEYS: 'PMS, BOOK,' });

    expect(connectionsOf(settings)).toEqual([
      {
        siteUrl: 'https://a.atlassian.net',
        email: 'bot@example.com',
        apiToken: 'hidden-token',
        projectKeys: ['PMS', 'BOOK'],
        project: 'DEMO',
      },
    ]);
  });

  it('read further connections from JSON', () => {
    const listed = [
      { ...LISTED, project_keys: ['X'], project: 'OTHER' },
      { ...LISTED, project: 'THIRD' },
    ];

    const all = connectionsOf(read({ ...SITE, JIRA_CONNECTIONS: JSON.stringify(listed) }));

    expect(all.map((one) => [one.project, one.projectKeys])).toEqual([
      ['DEMO', []],
      ['OTHER', ['X']],
      ['THIRD', []],
    ]);
  });

  it('name every fault, and no token', () => {
    const problems = problemsOf({
      JIRA_SITE_URL: 'ftp://x',
      JIRA_PROJECT_KEYS: 'lower',
      JIRA_STATUS_MAP: '{"In Review": "nowhere"}',
      JIRA_CONNECTIONS: JSON.stringify([{ api_token: 'hidden-token', site_url: 'https://a.atlassian.net', mail: 'x' }]),
    });

    expect(problems).toEqual([
      'jira.site_url "ftp://x" is no address of a site',
      'jira.project_keys[0] "lower" is not a key of a Jira project',
      'jira.connections[0].mail is not known; did you mean email?',
      'jira.connections[0].email is missing',
      expect.stringMatching(/^jira.status_map.In Review "nowhere" is not one of /),
    ]);
  });

  it.each(['https://bot:hunter2@a.atlassian.net', 'https://:hunter2@a.atlassian.net'])(
    'refuse an address with a password, and do not show it: %s',
    (address) => {
      const listed = JSON.stringify([{ ...LISTED, site_url: address }]);

      const problems = problemsOf({ ...SITE, JIRA_SITE_URL: address, JIRA_CONNECTIONS: listed });

      expect(problems).toEqual([
        'jira.site_url "https://[redacted]@a.atlassian.net" is no address of a site',
        'jira.connections[0].site_url "https://[redacted]@a.atlassian.net" is no address of a site',
      ]);
    },
  );

  it.each([
    [{ JIRA_EMAIL: 'bot@example.com' }, 'jira.site_url is missing'],
    [{ ...SITE, JIRA_EMAIL: '' }, 'jira.email is missing'],
    [{ ...SITE, JIRA_API_TOKEN: '' }, 'jira.api_token is missing'],
    [
      { ...SITE, JIRA_CONNECTIONS: JSON.stringify([LISTED]) },
      'jira.connections connects https://a.atlassian.net to DEMO',
    ],
  ])('refuse what does not go together: %j', (environment, problem) => {
    expect(problemsOf(environment as Record<string, string>)).toEqual([expect.stringContaining(problem)]);
  });
});

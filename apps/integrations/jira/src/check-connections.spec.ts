import { describe, expect, it } from '@jest/globals';
import { Configuration } from '@qa-pms/platform';
import { checkConnections } from './check-connections.js';

const ACCOUNT = { JIRA_EMAIL: 'bot@example.com', JIRA_API_TOKEN: 'right', JIRA_PROJECT_KEYS: 'DEMO' };

describe('the check of the connections to Jira', () => {
  // None of them is connected to.
  it.each([
    [
      'is not on the list',
      { JIRA_SITE_URL: 'https://x.atlassian.net', JIRA_HTTP_ALLOWED_HOSTS: 'api.atlassian.com' },
      /one of allowed_hosts/,
    ],
    ['is public, without TLS', { JIRA_SITE_URL: 'http://8.8.8.8' }, /is not https/],
    ['is private', { JIRA_SITE_URL: 'https://10.0.0.1' }, /private_hosts would allow it/],
  ])('says why a site may not be called that %s, and where that is set', async (_, site, reason) => {
    const [found] = await checkConnections(Configuration.fromEnvironment({ ...ACCOUNT, ...site }));

    expect(found).toMatchObject({ status: 'offline', message: expect.stringMatching(reason) });
    expect(found?.message).toContain('Look at jira.site_url and jira.http');
    expect(found?.message).not.toContain('allow it in');
  });
});

import { Setting } from '@qa-pms/platform';

/** Settings of the Jira integration. */
export class JiraSettings {
  /** Address of the Jira site; empty: no Jira is connected by these single settings. */
  @Setting({
    key: 'jira.site_url',
    description: 'Address of the Jira Cloud site; empty: none is connected.',
    example: 'https://example.atlassian.net',
    optional: true,
  })
  siteUrl = '';

  /** E-mail address of the Jira account whose token is used. */
  @Setting({
    key: 'jira.email',
    description: 'E-mail address of the Jira account whose API token is used.',
    example: 'qa-bot@example.com',
    optional: true,
  })
  email = '';

  /** API token of that account, from id.atlassian.com. */
  @Setting({
    key: 'jira.api_token',
    description: 'API token of that account (https://id.atlassian.com/manage-profile/security/api-tokens).',
    example: 'ATATT3x…',
    secret: true,
    optional: true,
  })
  apiToken = '';

  /** Keys of the Jira projects to show, parted by commas; empty: all that the account sees. */
  @Setting({
    key: 'jira.project_keys',
    description: 'Keys of the Jira projects to show, parted by commas; empty: all that the account may see.',
    example: 'PMS,BOOK',
    optional: true,
  })
  projectKeys = '';

  /** Key of our project that these tickets belong to. */
  @Setting({
    key: 'jira.project',
    description: 'Key of the project of QA Intelligent PMS that these tickets belong to.',
    example: 'DEMO',
  })
  project = 'DEMO';

  /** More connections as JSON, beside the single one above. */
  @Setting({
    key: 'jira.connections',
    description: 'More connections as a JSON list of {siteUrl, email, apiToken, projectKeys, project}.',
    example:
      '[{"siteUrl":"https://a.atlassian.net","email":"bot@example.com","apiToken":"…","projectKeys":["PMS"],"project":"DEMO"}]',
    secret: true,
    optional: true,
  })
  connections = '';

  /** Seconds between two syncs. */
  @Setting({ key: 'jira.sync_seconds', description: 'Seconds between two syncs of tickets.', example: '60', min: 1 })
  syncSeconds = 60;

  /** Jira's names of statuses and our states, as JSON; wins over the built-in names. */
  @Setting({
    key: 'jira.status_map',
    description: "Jira's names of statuses and our states for them, as JSON; wins over the built-in names.",
    example: '{"In Review": "ready_for_qa"}',
    optional: true,
  })
  statusMap = '';
}

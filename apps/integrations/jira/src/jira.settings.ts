import { TICKET_STATUSES, type TicketStatus } from '@qa-pms/contracts';
import { upstreamSettings } from '@qa-pms/http';
import { type CheckedSettings, type ReportProblem, Setting } from '@qa-pms/platform';

function webAddressProblem(value: string): string | null {
  const problem = 'is no address of a site';
  try {
    const { protocol, username, password, search, hash } = new URL(value);
    return /^https?:$/.test(protocol) && username + password + search + hash === '' ? null : problem;
  } catch {
    return problem;
  }
}

function projectKeyProblem(value: string): string | null {
  return /^[A-Z][A-Z0-9_]*$/.test(value) ? null : 'is not a key of a Jira project';
}

/** A site, the credentials for it, what is read of it, and where that belongs. */
export class JiraConnection {
  /** Address of the Jira site. */
  @Setting({
    key: 'site_url',
    description: 'Address of the Jira Cloud site.',
    example: 'https://example.atlassian.net',
    check: webAddressProblem,
  })
  siteUrl = '';

  /** E-mail address of the Jira account whose token is used. */
  @Setting({
    key: 'email',
    description: 'E-mail address of the Jira account whose API token is used.',
    example: 'qa-bot@example.com',
  })
  email = '';

  /** API token of that account, from id.atlassian.com. */
  @Setting({
    key: 'api_token',
    description: 'API token of that account (https://id.atlassian.com/manage-profile/security/api-tokens).',
    example: 'ATATT3x…',
    secret: true,
  })
  apiToken = '';

  /** Keys of the Jira projects to show; none: all that the account sees. */
  @Setting({
    key: 'project_keys',
    description: 'Keys of the Jira projects to show; none: all that the account may see.',
    example: '[PMS, BOOK]',
    check: projectKeyProblem,
  })
  projectKeys: string[] = [];

  /** Key of our project that these tickets belong to. */
  @Setting({
    key: 'project',
    description: 'Key of the project of QA Intelligent PMS that these tickets belong to.',
    example: 'DEMO',
  })
  project = 'DEMO';
}

/** How Jira is called. Half of the 100 requests a second that Jira lets pass in bursts are left to others. */
export class JiraHttpSettings extends upstreamSettings('jira.http', { ratePerSecond: 50, rateBurst: 50 }) {}

/** Settings of the Jira integration. */
export class JiraSettings implements CheckedSettings {
  /** Address of the Jira site; empty: no Jira is connected by these single settings. */
  @Setting({
    key: 'jira.site_url',
    description: 'Address of the Jira Cloud site; empty: none is connected.',
    example: 'https://example.atlassian.net',
    optional: true,
    check: webAddressProblem,
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

  /** Keys of the Jira projects to show; none: all that the account sees. */
  @Setting({
    key: 'jira.project_keys',
    description: 'Keys of the Jira projects to show; none: all that the account may see.',
    example: 'PMS,BOOK',
    check: projectKeyProblem,
  })
  projectKeys: string[] = [];

  /** Key of our project that these tickets belong to. */
  @Setting({
    key: 'jira.project',
    description: 'Key of the project of QA Intelligent PMS that these tickets belong to.',
    example: 'DEMO',
  })
  project = 'DEMO';

  /** More connections, beside the single one above. */
  @Setting({
    key: 'jira.connections',
    description: 'More connections, beside the single one.',
    example:
      '[{"site_url":"https://a.atlassian.net","email":"bot@example.com","api_token":"…","project_keys":["PMS"],"project":"DEMO"}]',
    items: JiraConnection,
  })
  connections: JiraConnection[] = [];

  /** Seconds between two syncs. */
  @Setting({ key: 'jira.sync_seconds', description: 'Seconds between two syncs of tickets.', example: '60', min: 1 })
  syncSeconds = 60;

  /** Jira's names of statuses and our states for them; win over the built-in names. */
  @Setting({
    key: 'jira.status_map',
    description: "Jira's names of statuses and our states for them; win over the built-in names.",
    example: '{"In Review": "ready_for_qa"}',
    values: TICKET_STATUSES,
  })
  statusMap: Record<string, TicketStatus> = {};

  check(report: ReportProblem): void {
    if (this.siteUrl === '' && (this.email !== '' || this.apiToken !== '')) {
      report('jira.site_url', 'is missing, to which the credentials belong');
    }
    if (this.siteUrl !== '' && this.email === '') report('jira.email', `is missing, which ${this.siteUrl} needs`);
    if (this.siteUrl !== '' && this.apiToken === '')
      report('jira.api_token', `is missing, which ${this.siteUrl} needs`);
    const places = connectionsOf(this).map(({ project, siteUrl }) => `${siteUrl} to ${project}`);
    const seen = new Set<string>();
    const twice = places.find((place) => seen.size === seen.add(place).size);
    if (twice !== undefined) {
      report('jira.connections', `connects ${twice} twice: put all project keys into one connection`, 'jira.project');
    }
  }
}

/** Every connection: the single one and the listed ones, their addresses without a slash at the end. */
export function connectionsOf(settings: JiraSettings): JiraConnection[] {
  const { siteUrl, email, apiToken, projectKeys, project, connections } = settings;
  const single = siteUrl === '' ? [] : [{ siteUrl, email, apiToken, projectKeys, project }];
  return [...single, ...connections].map((one) => ({ ...one, siteUrl: one.siteUrl.replace(/\/+$/, '') }));
}

import { AppError } from '@qa-pms/contracts';
import type { Configuration, IntegrationCheck } from '@qa-pms/platform';
import { JiraClient, jiraSite } from './jira.client.js';
import { connectionsOf, type JiraConnection, JiraHttpSettings, JiraSettings } from './jira.settings.js';

/** Somebody waits for the answer at a terminal. */
const TIMEOUT_MS = 5_000;

/** Asks each connected site which projects its account sees, once and without retries. */
export async function checkConnections(configuration: Configuration): Promise<IntegrationCheck[]> {
  const settings = { ...configuration.read(JiraHttpSettings), retries: 0, timeoutMs: TIMEOUT_MS };
  return Promise.all(connectionsOf(configuration.read(JiraSettings)).map((one) => check(one, settings)));
}

async function check(connection: JiraConnection, settings: JiraHttpSettings): Promise<IntegrationCheck> {
  const { siteUrl, email, projectKeys } = connection;
  const name = `jira ${siteUrl}`;
  const site = jiraSite(siteUrl, settings);
  try {
    const seen = await new JiraClient(site, connection).projectKeys({ timeoutMs: TIMEOUT_MS });
    const missing = projectKeys.filter((key) => !seen.includes(key));
    if (missing.length === 0)
      return { name, status: 'online', message: `${email} sees ${String(seen.length)} projects` };
    const message = `${email} does not see ${missing.join(', ')}: give it "Browse projects" there, or change jira.project_keys`;
    return { name, status: 'degraded', message };
  } catch (error) {
    return { name, status: 'offline', message: reasonOf(error, email) };
  } finally {
    await site.close();
  }
}

function reasonOf(error: unknown, email: string): string {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'UPSTREAM_REFUSED') return `refuses ${email}: renew jira.api_token`;
  if (error.code === 'UPSTREAM_NOT_ALLOWED') return `${error.message} Look at jira.site_url and jira.http.`;
  const { reason, status } = error.details as { reason?: unknown; status?: unknown };
  const detail = [status, reason].filter((one) => one !== undefined).join(' ');
  return `${error.message}${detail === '' ? '' : ` (${detail})`} Look at jira.site_url, and whether it can be reached from here.`;
}

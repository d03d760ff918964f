import { SettingsError } from '@qa-pms/platform';
import type { JiraSettings } from '../jira.settings.js';

/** A site, the credentials for it, what is read of it, and where that belongs. */
export interface ConnectionSettings {
  /** Without a slash at the end. */
  siteUrl: string;
  email: string;
  apiToken: string;
  /** Empty: every project that the account sees. */
  projectKeys: string[];
  /** Key of our project. */
  project: string;
}

const PROJECT_KEY = /^[A-Z][A-Z0-9_]*$/;

/** All configured connections. Throws SettingsError with every fault. */
export function readConnections(settings: JiraSettings): ConnectionSettings[] {
  const problems: string[] = [];
  const listed = listOf(settings.connections, problems).map((one, index) =>
    readOne(one, `JIRA_CONNECTIONS[${String(index)}]`, problems),
  );
  const { siteUrl, email, apiToken, projectKeys, project } = settings;
  const isSingle = siteUrl !== '' || email !== '' || apiToken !== '';
  const single = isSingle ? [readOne({ siteUrl, email, apiToken, projectKeys, project }, 'JIRA', problems)] : [];
  const all = [...single, ...listed];
  const places = all.map((one) => `${one.project} ${one.siteUrl}`);
  if (new Set(places).size < places.length) {
    problems.push(
      'JIRA_CONNECTIONS: the same site is connected to the same project twice. Put all project keys into one.',
    );
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return all;
}

function listOf(json: string, problems: string[]): unknown[] {
  if (json === '') return [];
  try {
    const value: unknown = JSON.parse(json);
    if (Array.isArray(value)) return value;
  } catch {
    // Said below, without the value: it holds tokens.
  }
  problems.push(
    'JIRA_CONNECTIONS: its value is not a JSON list. Example: JIRA_CONNECTIONS=[{"siteUrl":"https://a.atlassian.net",…}]',
  );
  return [];
}

function readOne(value: unknown, name: string, problems: string[]): ConnectionSettings {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const text = (field: string, fallback = ''): string =>
    typeof given[field] === 'string' ? given[field].trim() : fallback;
  const siteUrl = text('siteUrl').replace(/\/+$/, '');
  if (!isWebAddress(siteUrl))
    problems.push(`${name}: the site's address is not one. Example: https://example.atlassian.net`);
  for (const field of ['email', 'apiToken']) {
    if (text(field) === '') problems.push(`${name}: ${field} is missing, which the site ${siteUrl} needs.`);
  }
  const keys = Array.isArray(given['projectKeys']) ? given['projectKeys'].map(String) : text('projectKeys').split(',');
  const projectKeys = keys.map((key) => key.trim()).filter((key) => key !== '');
  const wrong = projectKeys.find((key) => !PROJECT_KEY.test(key));
  if (wrong !== undefined) problems.push(`${name}: "${wrong}" is not a key of a Jira project. Example: PMS`);
  return { siteUrl, email: text('email'), apiToken: text('apiToken'), projectKeys, project: text('project', 'DEMO') };
}

function isWebAddress(value: string): boolean {
  try {
    const { protocol, username, search, hash } = new URL(value);
    return /^https?:$/.test(protocol) && username === '' && search === '' && hash === '';
  } catch {
    return false;
  }
}

import type { HealthReport } from '@qa-pms/platform';
import { CliError, EXIT_CODES } from './errors.js';
import { type Context, table } from './output.js';

/** Longer than the 150 ms that a service gives each of its checks. */
const TIMEOUT_MS = 5_000;

/** What a service says of itself; null where nothing answers, a text where something else than a service does. */
export async function askHealth(url: string): Promise<{ report: HealthReport; date: string | null } | string | null> {
  let response: Response;
  try {
    response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  } catch {
    return null;
  }
  const body = (await response.json().catch(() => null)) as Partial<HealthReport> | null;
  if (typeof body?.status !== 'string' || typeof body.checks !== 'object')
    return `status ${String(response.status)}, and not what a service of ours says`;
  return { report: body as HealthReport, date: response.headers.get('date') };
}

/** `qa-pms health`. */
export async function health(
  { url, integration = false }: { url: string; integration?: boolean },
  { file, output }: Context,
): Promise<void> {
  const answer = await askHealth(url);
  if (answer === null) throw new CliError(`${url} cannot be reached: is it running?`, EXIT_CODES.unavailable);
  if (typeof answer === 'string') throw new CliError(`${url} answers with ${answer}: look at --url.`);
  const { report } = answer;
  // Only then: it loads every service.
  const integrations = integration ? await (await import('./integrations.js')).checkIntegrations(file) : null;
  await output.print({ ...report, ...(integrations && { integrations }) }, () => {
    const rows = Object.entries(report.checks).map(([name, check]) => [name, check.status]);
    const outside = (integrations ?? []).map(({ name, status, message }) => [name, `${status} (${message})`]);
    return [
      `${report.status}, version ${report.version}, up for ${String(report.uptimeSeconds)} s`,
      table(['check', 'status'], [...rows, ...outside]),
    ].join('\n');
  });
  const offline = (integrations ?? []).filter(({ status }) => status === 'offline');
  if (report.status === 'unhealthy') throw new CliError(`${url} is not ready: qa-pms doctor says what to do.`);
  if (offline.length > 0) throw new CliError(`${offline.map(({ name }) => name).join(', ')} cannot be used.`);
}

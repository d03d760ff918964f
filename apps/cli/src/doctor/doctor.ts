import { resolve } from 'node:path';
import { AllInOneSettings } from '@qa-pms/all-in-one';
import { Configuration, PlatformSettings, processEnvironment } from '@qa-pms/platform';
import { checkConfigured } from '../config.js';
import { CliError } from '../errors.js';
import { checkIntegrations } from '../integrations.js';
import type { Context, Output } from '../output.js';
import { checkDatabase } from './database.js';
import { failed, type Finding, lineOf, ok, skipped, warning } from './findings.js';
import { checkGateway } from './gateway.js';
import { checkKafka } from './kafka.js';
import { checkCertificates, checkDataFolder, checkMasterKey } from './machine.js';
import { checkRedis } from './redis.js';

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;
const STYLES = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'dim' } as const;

/** `qa-pms doctor`: every check runs, whatever the others find. Exit code 1 where one failed; warnings do not count. */
export async function doctor({ url }: { url?: string }, { file, output }: Context): Promise<void> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const { port, host } = configuration.peek(PlatformSettings);
  const address = url ?? `http://${reachable(host)}:${String(port)}`;
  const dataDir = resolve(configuration.peek(AllInOneSettings).dataDir);
  const parts: [string, () => Finding[] | Promise<Finding[]>][] = [
    ['configuration', async () => [await checkConfiguration(file)]],
    ['data folder', () => checkDataFolder(configuration, dataDir)],
    ['master key', async () => [await checkMasterKey(configuration, dataDir)]],
    ['certificates', () => checkCertificates(configuration)],
    ['port', () => checkGateway(address)],
    ['database', () => checkDatabase(file)],
    ['kafka', () => checkKafka(configuration, file)],
    ['redis', async () => [await checkRedis(configuration)]],
    ['integrations', () => integrations(file)],
  ];
  const findings: Finding[] = [];
  const progress = output.progress('looking');
  for (const [index, [name, check]] of parts.entries()) {
    progress.at(index, parts.length);
    try {
      findings.push(...(await check()));
    } catch (error) {
      findings.push(failed(name, `could not be checked: ${lineOf(error)}`, 'See the findings above first.'));
    }
  }
  progress.done();
  const count = (status: Finding['status']): number => findings.filter((one) => one.status === status).length;
  await output.print({ healthy: count('failed') === 0, findings }, () =>
    findings.map((finding) => text(finding, output)).join('\n'),
  );
  if (count('failed') > 0)
    throw new CliError(
      `${String(count('failed'))} of ${String(findings.length)} checks failed: see what to do beside each.`,
    );
}

async function checkConfiguration(file: string | null): Promise<Finding> {
  try {
    const path = await checkConfigured(file);
    return ok('configuration', path ?? 'by the environment alone');
  } catch (error) {
    return failed(
      'configuration',
      lineOf(error),
      'Correct it as it says; qa-pms config validate lists every fault on a line.',
    );
  }
}

async function integrations(file: string | null): Promise<Finding[]> {
  const found = await checkIntegrations(file);
  if (found.length === 0) return [skipped('integrations', 'none is configured: all-in-one simulates Jira')];
  return found.map(({ name, status, message }) => {
    if (status === 'online') return ok(name, message);
    const remedy = 'Mend what it names; then qa-pms health --integration asks again.';
    return (status === 'degraded' ? warning : failed)(name, message, remedy);
  });
}

/** An address to listen on is not always one to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function text({ name, status, message, remedy }: Finding, output: Output): string {
  const line = `${output.style(STYLES[status], MARKS[status])} ${output.style('bold', name)}: ${message}`;
  return remedy === null ? line : `${line}\n    → ${remedy}`;
}

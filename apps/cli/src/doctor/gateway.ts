import { connect } from 'node:net';
import { askHealth } from '../health.js';
import { failed, type Finding, ok, warning } from './findings.js';

const CONNECT_MS = 2_000;
/** Tokens are refused as not yet valid, or as expired, by clocks that differ by more. */
const CLOCK_WARNING_MS = 2_000;
const CLOCK_FAILED_MS = 30_000;

/** The port, and what answers there. */
export async function checkGateway(url: string): Promise<Finding[]> {
  const { hostname, port, protocol } = new URL(url);
  const number = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
  if (!(await listens(hostname, number))) {
    const remedy = 'Start it: npm start (or npx qa-pms serve); where it runs elsewhere, name it with --url.';
    return [failed('port', `nothing listens at ${hostname}:${String(number)}`, remedy)];
  }
  const sent = Date.now();
  const answer = await askHealth(url);
  if (answer === null || typeof answer === 'string') {
    const what =
      answer === null ? 'something listens, and does not answer over HTTP' : `something else answers: ${answer}`;
    const remedy = 'Another program has the port: stop that one, or choose another port (PORT, --port).';
    return [failed('port', `${what} (${url})`, remedy)];
  }
  const { report, date } = answer;
  const findings: Finding[] = [ok('port', `${url} answers, version ${report.version}`)];
  for (const [name, check] of Object.entries(report.checks)) {
    if (check.status === 'healthy') continue;
    const found = `the running service says that it is ${check.status}`;
    const remedy =
      'See the findings below; why, is in its log ("part is not healthy") and, for now, at /health/detailed.';
    findings.push((check.status === 'degraded' ? warning : failed)(`health ${name}`, found, remedy));
  }
  if (report.status === 'healthy') findings.push(ok('health', 'all checks of the running service are healthy'));
  // HTTP tells whole seconds.
  if (date !== null) findings.push(clock('clock of the gateway', Date.parse(date) + 500 - (sent + Date.now()) / 2));
  return findings;
}

/** What a difference of clocks means. */
export function clock(name: string, differenceMs: number): Finding {
  const seconds = (Math.abs(differenceMs) / 1_000).toFixed(1);
  const message = `differs from ours by ${seconds} s`;
  const remedy = 'Set both machines by NTP (timedatectl set-ntp true): tokens and times depend on it.';
  if (Math.abs(differenceMs) > CLOCK_FAILED_MS) return failed(name, message, remedy);
  return Math.abs(differenceMs) > CLOCK_WARNING_MS ? warning(name, message, remedy) : ok(name, message);
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port, timeout: CONNECT_MS });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

import { processEnvironment } from '@qa-pms/platform';
import { startJiraSimulator } from './jira/jira-simulator.js';

/**
 * Starts the simulators on their own. SIMULATOR_PORT (8090), SIMULATOR_HOST (127.0.0.1), JIRA_SIMULATOR_ISSUES_DIR,
 * JIRA_EMAIL and JIRA_API_TOKEN, which callers must then send.
 */
async function main(): Promise<void> {
  const env = processEnvironment();
  const { JIRA_EMAIL: email = 'demo@example.com', JIRA_API_TOKEN: apiToken = 'demo-token' } = env;
  const simulator = await startJiraSimulator({
    port: Number(env['SIMULATOR_PORT'] ?? 8090),
    host: env['SIMULATOR_HOST'] ?? '127.0.0.1',
    email,
    apiToken,
    ...(env['JIRA_SIMULATOR_ISSUES_DIR'] && { issuesDir: env['JIRA_SIMULATOR_ISSUES_DIR'] }),
  });
  process.stdout.write(`Simulated Jira: ${simulator.url} (faults: POST ${simulator.url}/__faults)\n`);
  const stop = (): void => {
    void simulator.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

void main();

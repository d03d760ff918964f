import { Setting } from '@qa-pms/platform';
import { serviceNames } from './services.js';

/** Settings of all services in one process. */
export class AllInOneSettings {
  /** Folder of what is kept. */
  @Setting({
    key: 'data.dir',
    description:
      'Folder of the embedded database, the master key, and the passwords and the simulated Jira of the demonstration.',
    example: '/var/lib/qa-pms/data',
  })
  dataDir = '.data';

  /** Whether the demonstration is made. */
  @Setting({
    key: 'demo',
    description: 'Whether users, projects and a simulated Jira are made to try the product with.',
    example: 'false',
  })
  demo = true;

  /** Services to start. */
  @Setting({
    key: 'target',
    description:
      'Services to start in this process: `all`, or some of them, which reach the others over Kafka; without it events wait.',
    example: 'gateway,workflow',
    values: ['all', ...serviceNames()],
  })
  target: string[] = ['all'];

  /** Folder of issues for the simulated Jira. */
  @Setting({
    key: 'jira.simulator_issues_dir',
    description: "Folder of issues (Jira's JSON) for the simulated Jira; empty: made-up ones.",
    example: './issues',
    optional: true,
  })
  simulatorIssuesDir = '';
}

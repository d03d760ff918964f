import type { SeedDemo } from '@qa-pms/contracts';

/** Users of the demonstration; all are members of DEMO, and `qa2` and `admin` of OTHER as well. */
export const DEMO_USERS: { username: string; displayName: string; roles: string[] }[] = [
  { username: 'admin', displayName: 'Ada Admin', roles: ['admin'] },
  { username: 'pm', displayName: 'Petra Maas', roles: ['pm'] },
  { username: 'po', displayName: 'Paolo Orsini', roles: ['po'] },
  { username: 'lead', displayName: 'Lena Diaz', roles: ['tech_lead'] },
  { username: 'manager', displayName: 'Maya Noor', roles: ['qa_manager'] },
  { username: 'support', displayName: 'Sam Porter', roles: ['support'] },
  { username: 'qa', displayName: 'Quinn Abara', roles: ['qa'] },
  { username: 'qa2', displayName: 'Robin Okafor', roles: ['qa'] },
  { username: 'pipeline', displayName: 'Build pipeline', roles: ['event_manager'] },
];

/** What the first start makes, with the passwords of this data folder. */
export function demoSeed(passwords: Map<string, string>): SeedDemo {
  return {
    users: DEMO_USERS.map(({ username, displayName, roles }) => ({
      username,
      displayName,
      email: `${username}@example.com`,
      password: passwords.get(username) ?? '',
      roles,
    })),
    projects: [
      {
        key: 'DEMO',
        name: 'Demo hotel',
        description: 'A property-management system with a simulated Jira.',
        members: DEMO_USERS.map(({ username }) => username),
      },
      {
        key: 'OTHER',
        name: 'Other hotel',
        description: 'A second project, to try isolation.',
        members: ['qa2', 'admin'],
      },
    ],
  };
}

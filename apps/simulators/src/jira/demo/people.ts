import type { SimulatedAccount } from '../jira-types.js';

const person = (accountId: string, displayName: string, emailAddress: string): SimulatedAccount => ({
  accountId,
  displayName,
  emailAddress,
  active: true,
  accountType: 'atlassian',
});

/** The accounts of the simulated site. */
export const PEOPLE = {
  quinn: person('712020:0a1b2c3d-0001-4000-8000-000000000001', 'Quinn Abara', 'qa@example.com'),
  ravi: person('712020:0a1b2c3d-0002-4000-8000-000000000002', 'Ravi Holm', 'qa2@example.com'),
  lena: person('712020:0a1b2c3d-0003-4000-8000-000000000003', 'Lena Ortiz', 'lena.ortiz@example.com'),
  tomas: person('712020:0a1b2c3d-0004-4000-8000-000000000004', 'Tomás Brandt', 'tomas.brandt@example.com'),
} satisfies Record<string, SimulatedAccount>;

export type PersonName = keyof typeof PEOPLE;

/** The account behind credentials: one of the people, else an account of the integration itself. */
export function accountOf(email: string): SimulatedAccount {
  const known = Object.values(PEOPLE).find((one) => one.emailAddress === email);
  return known ?? person('712020:0a1b2c3d-0009-4000-8000-000000000009', 'QA Integration', email);
}

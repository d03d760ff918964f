import type { TemplateStep } from '@qa-pms/contracts';

const MINUTE = 60;

const step = (name: string, minutes: number, description: string): TemplateStep => ({
  name,
  description,
  estimateSeconds: minutes * MINUTE,
});

/** Templates that every project has from the start. */
export const SEEDED_TEMPLATES: {
  id: string;
  name: string;
  ticketType: string | null;
  description: string;
  steps: TemplateStep[];
}[] = [
  {
    id: '01980000-0000-7000-8000-000000000001',
    name: 'Bug fix',
    ticketType: 'Bug',
    description: 'Verify that a bug is gone and that nothing else broke with it.',
    steps: [
      step(
        'Reproduce',
        15,
        'Follow the ticket on a version without the fix until the fault shows, or note why it does not.',
      ),
      step('Investigate', 20, 'Find where and under which conditions it happens: data, roles, browsers, logs.'),
      step(
        'Test the fix',
        20,
        'Repeat the steps on the version with the fix, with the original data and with variations.',
      ),
      step('Regression check', 25, 'Run the related tests and try what shares code or data with the change.'),
      step('Document', 10, 'Write down what was covered, what was found, and what was left out.'),
    ],
  },
  {
    id: '01980000-0000-7000-8000-000000000002',
    name: 'Feature test',
    ticketType: null,
    description: 'Test something new against its acceptance criteria and beyond them.',
    steps: [
      step(
        'Review requirements',
        15,
        'Read the ticket and its acceptance criteria; ask about what is missing or can be read in two ways.',
      ),
      step('Exploratory test', 30, 'Use it without a script, as different people would.'),
      step('Happy path', 20, 'Go through every acceptance criterion as it is meant.'),
      step('Edge cases', 30, 'Limits, wrong input, interruptions, several users at once, missing rights.'),
      step('Document', 10, 'Write down what was covered, what was found, and what was left out.'),
    ],
  },
  {
    id: '01980000-0000-7000-8000-000000000003',
    name: 'Regression',
    ticketType: null,
    description: 'Run a suite against a version and judge its failures.',
    steps: [
      step('Set up environment', 20, 'Version, data and accounts that the suite expects.'),
      step('Run suite', 60, 'Run it and keep its results.'),
      step('Analyse failures', 45, 'Tell faults of the product from faults of tests and environment.'),
      step('Report', 15, 'Say what may be released, and what may not.'),
    ],
  },
];

/** Takes bugs. */
export const BUG_FIX = SEEDED_TEMPLATES[0]?.id ?? '';
/** Takes everything that no other template takes. */
export const FEATURE_TEST = SEEDED_TEMPLATES[1]?.id ?? '';

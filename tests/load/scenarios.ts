// The scenarios of the load tests, for k6 and for `npm run load`.

interface Scenario {
  /** Accounts that are made before. */
  people: number;
  /** How long each looks at the screen, on average, three times a turn. */
  thinkSeconds: number;
  /** What a threshold does when it breaks. */
  limit: (threshold: string) => string | { threshold: string; abortOnFail: boolean; delayAbortEval: string };
  /** k6's own description. */
  executor: Record<string, unknown>;
}

/** Makes a scenario shorter by a factor, or longer. */
type Scaled = (factor: number) => Scenario;

const seconds = (minutes: number, factor: number): string =>
  `${String(Math.max(1, Math.round(minutes * 60 * factor)))}s`;

const judgedAtTheEnd: Scenario['limit'] = (threshold) => threshold;
const endsTheRun: Scenario['limit'] = (threshold) => ({ threshold, abortOnFail: true, delayAbortEval: '10s' });

function constant(people: number, minutes: number, thinkSeconds: number): Scaled {
  return (factor) => ({
    people,
    thinkSeconds,
    limit: judgedAtTheEnd,
    executor: { executor: 'constant-vus', vus: people, duration: seconds(minutes, factor), gracefulStop: '30s' },
  });
}

function ramping(
  stages: { minutes: number; people: number }[],
  { limit, thinkSeconds }: Pick<Scenario, 'limit' | 'thinkSeconds'>,
): Scaled {
  return (factor) => ({
    people: Math.max(...stages.map(({ people }) => people)),
    thinkSeconds,
    limit,
    executor: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: stages.map(({ minutes, people }) => ({ duration: seconds(minutes, factor), target: people })),
      gracefulRampDown: '30s',
      gracefulStop: '30s',
    },
  });
}

export const SCENARIOS: Record<string, Scaled> = {
  baseline: constant(10, 5, 1),
  sustained: constant(100, 30, 5),
  spike: ramping(
    [
      { minutes: 1, people: 500 },
      { minutes: 5, people: 500 },
      { minutes: 1, people: 0 },
    ],
    { limit: judgedAtTheEnd, thinkSeconds: 10 },
  ),
  // Ends at the first threshold that breaks; the summary says at how many people (vus) that was.
  stress: ramping([{ minutes: 20, people: 500 }], { limit: endsTheRun, thinkSeconds: 1 }),
  soak: constant(50, 4 * 60, 5),
};

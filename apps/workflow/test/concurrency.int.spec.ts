import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AppError, CompleteStep, ListWorkflows, StartWorkflow } from '@qa-pms/contracts';
import { team, Workflows } from './workflow.fixture.js';

/** Two instances on one database: what holds one back in its own process does not hold the other. */
let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start(2);
});

afterAll(() => workflows.stop());

const instance = (index: number) => workflows.instances[index % 2] ?? workflows.service;

async function codesOf(attempts: Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.allSettled(attempts)) {
    const name = outcome.status === 'fulfilled' ? 'done' : (outcome.reason as AppError).code;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const fifty = <T>(work: (index: number) => Promise<T>) => Array.from({ length: 50 }, (_, index) => work(index));

describe('fifty at the same moment', () => {
  it('start one workflow, and 49 are refused', async () => {
    const { quinn } = team();

    const counts = await codesOf(
      fifty((index) => instance(index).request(StartWorkflow, { ticketKey: 'DEMO-1' }, { caller: quinn })),
    );

    expect(counts).toEqual({ done: 1, WORKFLOW_ALREADY_ACTIVE: 49 });
  });

  it('start one workflow, and 49 go on with it where that is wished', async () => {
    const { quinn } = team();
    const payload = { ticketKey: 'DEMO-1', onActive: 'resume' as const };

    const replies = await Promise.all(
      fifty((index) => instance(index).request(StartWorkflow, payload, { caller: quinn })),
    );

    expect(replies.filter(({ result }) => result === 'started')).toHaveLength(1);
    expect(new Set(replies.map(({ workflow }) => workflow.id)).size).toBe(1);
  });

  it('complete one step once', async () => {
    const { quinn } = team();
    const { id } = await workflows.begin(quinn);

    const counts = await codesOf(
      fifty((index) => instance(index).request(CompleteStep, { id, index: 0 }, { caller: quinn })),
    );

    expect(counts).toEqual({ done: 1, STEP_OUT_OF_ORDER: 49 });
    await expect(workflows.get(id, quinn)).resolves.toMatchObject({ currentStepIndex: 1, rowVersion: 2 });
  });
});

describe('restarts at the same moment', () => {
  it('leave one workflow open', async () => {
    const { quinn } = team();
    const payload = { ticketKey: 'DEMO-1', onActive: 'restart' as const };
    await workflows.begin(quinn);

    const counts = await codesOf(
      [0, 1].map((index) => instance(index).request(StartWorkflow, payload, { caller: quinn })),
    );

    expect(counts).toEqual({ done: 2 });
    const { data } = await workflows.service.request(ListWorkflows, {}, { caller: quinn });
    expect(data.map(({ status }) => status).sort()).toEqual(['active', 'cancelled', 'cancelled']);
  });
});

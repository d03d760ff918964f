import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AppError,
  CompleteStep,
  FinaliseReport,
  ListWorkflows,
  OpenReportVersion,
  StartWorkflow,
} from '@qa-pms/contracts';
import { meeting, type OneRow } from '@qa-pms/testing';
import { v7 as uuidv7 } from 'uuid';
import { refusedAs, team, timesOf, Workflows } from './workflow.fixture.js';

/** Two instances on one database: what holds one back in its own process does not hold the other. */
let workflows: Workflows;

beforeAll(async () => {
  // Fifty come for eight connections, and wait for each other: on a busy machine the last for more than 2 s.
  workflows = await Workflows.start(2, { DATABASE_ACQUIRE_TIMEOUT_MS: '30000' });
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

    expect(counts).toEqual({ done: 1, WORKFLOW_INVALID_STATE: 49 });
    await expect(workflows.get(id, quinn)).resolves.toMatchObject({ currentStepIndex: 1, rowVersion: 2 });
  });
});

describe('a start that meets one that is just being committed', () => {
  async function startMeanwhile(onActive: 'reject' | 'resume' | 'restart') {
    const { quinn, project } = team();
    const { id } = await workflows.begin(quinn, 'DEMO-1');
    const faster = uuidv7();
    const insert = `INSERT INTO workflow.workflows
      SELECT (jsonb_populate_record(one, $2)).* FROM workflow.workflows AS one WHERE id = $1`;
    const values = [id, JSON.stringify({ id: faster, ticket_key: 'DEMO-2' })];
    const start = () =>
      workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-2', onActive }, { caller: quinn }).then(
        ({ result, workflow }) => ({ result, id: workflow.id }),
        (error: unknown) => {
          const { code, details } = error as AppError;
          return { code, id: details['workflowId'] };
        },
      );
    return { faster, outcome: await meeting(workflows.databaseUrl, project, [[insert, values]], start) };
  }

  it('is refused, with that one named', async () => {
    const { faster, outcome } = await startMeanwhile('reject');

    expect(outcome).toEqual({ code: 'WORKFLOW_ALREADY_ACTIVE', id: faster });
  });

  it('goes on with that one where it is wished', async () => {
    const { faster, outcome } = await startMeanwhile('resume');

    expect(outcome).toEqual({ result: 'resumed', id: faster });
  });

  it('replaces that one where it is wished', async () => {
    const { faster, outcome } = await startMeanwhile('restart');

    expect(outcome).toMatchObject({ result: 'started' });
    expect(outcome.id).not.toBe(faster);
  });
});

describe('a change that meets another that is just being committed', () => {
  const RENAMED = 'UPDATE workflow.workflows SET user_display_name = $2, row_version = row_version + 1 WHERE id = $1';
  const PAUSED = `UPDATE workflow.workflows SET status = 'paused', paused_at = now(), row_version = row_version + 1 WHERE id = $1`;

  it('comes on top of that one', async () => {
    const { quinn, project } = team();
    const { id } = await workflows.begin(quinn);

    const completed = await meeting(workflows.databaseUrl, project, [[RENAMED, [id, 'Quinn Abara-Okafor']]], () =>
      workflows.service.request(CompleteStep, { id, index: 0 }, { caller: quinn }),
    );

    expect(completed).toMatchObject({ rowVersion: 3, userDisplayName: 'Quinn Abara-Okafor', currentStepIndex: 1 });
    await expect(workflows.get(id, quinn)).resolves.toEqual(completed);
  });

  it('is refused where that one forbids it', async () => {
    const { quinn, project } = team();
    const { id } = await workflows.begin(quinn);

    const completed = meeting(workflows.databaseUrl, project, [[PAUSED, [id]]], () =>
      workflows.service.request(CompleteStep, { id, index: 0 }, { caller: quinn }),
    );

    await expect(completed).rejects.toMatchObject(refusedAs('WORKFLOW_INVALID_STATE', { status: 'paused' }));
    await expect(workflows.get(id, quinn)).resolves.toMatchObject({ rowVersion: 2, currentStepIndex: 0 });
  });
});

describe('the next version of a report and a correction of its times', () => {
  async function final() {
    const { quinn, project } = team();
    const { workflow, report } = await workflows.completed(quinn);
    await workflows.timed(workflow, [10]);
    await workflows.service.request(FinaliseReport, { id: report.id }, { caller: quinn });
    return { quinn, project, workflow, id: report.id };
  }

  it('know each other where the correction is just being committed', async () => {
    const { quinn, project, workflow, id } = await final();
    const correct = 'UPDATE workflow.reports SET corrected_time = $2, row_version = row_version + 1 WHERE id = $1';
    const time = JSON.stringify(timesOf(workflow, [5], '2026-11-21T11:00:00.000Z'));

    const draft = await meeting(workflows.databaseUrl, project, [[correct, [id, time]]], () =>
      workflows.service.request(OpenReportVersion, { workflowId: workflow.id }, { caller: quinn }),
    );

    expect(draft).toMatchObject({ version: 2, content: { time: { totalSeconds: 5 } } });
  });

  it('know each other where the version is just being committed', async () => {
    const { quinn, project, workflow, id } = await final();
    const follow = 'UPDATE workflow.reports SET row_version = row_version + 1 WHERE id = $1';
    const draft = `INSERT INTO workflow.reports
      SELECT (jsonb_populate_record(one, $2)).* FROM workflow.reports AS one WHERE id = $1`;
    const next = JSON.stringify({ id: uuidv7(), version: 2, status: 'draft', row_version: 1 });
    const opened: OneRow[] = [
      [follow, [id]],
      [draft, [id, next]],
    ];

    await meeting(workflows.databaseUrl, project, opened, () =>
      workflows.timed(workflow, [5], '2026-11-21T11:00:00.000Z'),
    );

    await expect(workflows.reportOf(workflow.id, quinn)).resolves.toMatchObject({
      version: 2,
      content: { time: { totalSeconds: 5 } },
    });
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

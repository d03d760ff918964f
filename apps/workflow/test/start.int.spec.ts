import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AppError,
  CompleteStep,
  GetActiveWorkflows,
  ListMyActiveWorkflows,
  ListWorkflows,
  PauseWorkflow,
  StartWorkflow,
  WORKFLOW_SORTS,
  WorkflowChanged,
} from '@qa-pms/contracts';
import { person, refusedAs, team, Workflows } from './workflow.fixture.js';

let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start();
});

afterAll(() => workflows.stop());

const start = (caller: ReturnType<typeof person>, payload: Partial<StartWorkflow> = {}) =>
  workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-1', ...payload }, { caller });

describe('starting a workflow', () => {
  it('has the first step in progress, and tells of it', async () => {
    const { quinn, project } = team();

    const { workflow, result } = await start(quinn);

    expect(result).toBe('started');
    expect(workflow).toMatchObject({ projectId: project, userId: quinn.userId, status: 'active', rowVersion: 1 });
    const told = await workflows.service.published(WorkflowChanged);
    expect(told.filter((event) => event.workflow.id === workflow.id)).toEqual([
      { change: 'started', at: workflow.startedAt, workflow },
    ]);
  });

  it('a second time is refused, with the first one named', async () => {
    const { quinn } = team();
    const { workflow } = await start(quinn);

    await expect(start(quinn)).rejects.toMatchObject(
      refusedAs('WORKFLOW_ALREADY_ACTIVE', { workflowId: workflow.id, status: 'active' }),
    );
  });

  it('a second time resumes a paused one where that is wished', async () => {
    const { quinn } = team();
    const { workflow } = await start(quinn);
    await workflows.service.request(PauseWorkflow, { id: workflow.id }, { caller: quinn });

    const again = await start(quinn, { onActive: 'resume' });

    expect(again).toMatchObject({ result: 'resumed', workflow: { id: workflow.id, status: 'active', rowVersion: 3 } });
  });

  it('a second time leaves an active one as it is where resuming is wished', async () => {
    const { quinn } = team();
    const { workflow } = await start(quinn);

    expect(await start(quinn, { onActive: 'resume' })).toEqual({ result: 'resumed', workflow });
  });

  it('again from the beginning cancels the one before', async () => {
    const { quinn } = team();
    const { workflow: before } = await start(quinn);

    const { workflow, result } = await start(quinn, { onActive: 'restart' });

    expect(result).toBe('started');
    expect(workflow.id).not.toBe(before.id);
    await expect(workflows.get(before.id, quinn)).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('is possible for several people on one ticket, and each sees the others', async () => {
    const { quinn, robin } = team();
    const { workflow: own } = await start(quinn);
    const { workflow: other } = await start(robin);

    const active = await workflows.service.request(GetActiveWorkflows, { ticketKey: 'DEMO-1' }, { caller: quinn });

    expect(active).toEqual({
      own,
      others: [{ workflowId: other.id, userId: robin.userId, displayName: 'Robin Okafor', status: 'active' }],
    });
  });

  it('finds the open one of a ticket that was moved since', async () => {
    const { quinn } = team();
    const { workflow } = await start(quinn, { ticketKey: 'NEW-7' });

    await expect(start(quinn, { ticketKey: 'OLD-7' })).rejects.toMatchObject(
      refusedAs('WORKFLOW_ALREADY_ACTIVE', { workflowId: workflow.id }),
    );
  });

  it('is refused for a ticket or a template that is not there', async () => {
    const { quinn, project } = team();

    await expect(start(quinn, { ticketKey: 'GONE-1' })).rejects.toMatchObject(refusedAs('TICKET_NOT_FOUND'));
    await expect(start(quinn, { templateId: project })).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
  });

  it('needs the permission', async () => {
    const { project } = team();

    await expect(start(person(project, ['pm']))).rejects.toMatchObject(refusedAs('FORBIDDEN'));
  });
});

describe('an Idempotency-Key', () => {
  const idempotencyKey = { key: 'k1', method: 'POST', path: '/workflows' };

  it('answers the repeated start as the first, and starts nothing', async () => {
    const { quinn } = team();
    const options = { caller: quinn, idempotencyKey };
    const first = await workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-1' }, options);

    const second = await workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-1' }, options);

    expect(second).toEqual(first);
    const mine = await workflows.service.request(ListMyActiveWorkflows, {}, { caller: quinn });
    expect(mine.data).toEqual([first.workflow]);
  });

  it('answers a repeated start although Jira cannot be asked any more', async () => {
    const { quinn } = team();
    const options = { caller: quinn, idempotencyKey };
    const first = await workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-3' }, options);
    workflows.neighbours.ticketRefusal = new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'jira' });

    const second = workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-3' }, options);

    await expect(second).resolves.toEqual(first);
    workflows.neighbours.ticketRefusal = null;
  });

  it('answers a repeated step as the first, although the step has ended', async () => {
    const { quinn } = team();
    const { workflow } = await start(quinn);
    const options = { caller: quinn, idempotencyKey };
    const payload = { id: workflow.id, index: 0 };
    const first = await workflows.service.request(CompleteStep, payload, options);

    await expect(workflows.service.request(CompleteStep, payload, options)).resolves.toEqual(first);
  });

  it('is refused with another body', async () => {
    const { quinn } = team();
    const options = { caller: quinn, idempotencyKey };
    await workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-1' }, options);

    await expect(workflows.service.request(StartWorkflow, { ticketKey: 'DEMO-2' }, options)).rejects.toMatchObject(
      refusedAs('IDEMPOTENCY_KEY_REUSED'),
    );
  });
});

describe('lists of workflows', () => {
  it('show testers their own, and leads those of all', async () => {
    const { quinn, robin, lead } = team();
    const { workflow: first } = await start(quinn);
    const { workflow: second } = await start(robin, { ticketKey: 'DEMO-2' });
    const ids = async (query: ListWorkflows, caller: ReturnType<typeof person>) => {
      const { data, pagination } = await workflows.service.request(ListWorkflows, query, { caller });
      return [pagination.totalItems, ...data.map(({ id }) => id)];
    };

    expect(await ids({}, quinn)).toEqual([1, first.id]);
    expect(await ids({}, lead)).toEqual([2, second.id, first.id]);
    expect(await ids({ page: 2, pageSize: 1 }, lead)).toEqual([2, first.id]);
    expect(await ids({ page: 9, pageSize: 1 }, lead)).toEqual([2]);
    expect(await ids({ userId: quinn.userId }, lead)).toEqual([1, first.id]);
    expect(await ids({ ticketKey: 'DEMO-2' }, lead)).toEqual([1, second.id]);
    expect(await ids({ status: 'paused' }, lead)).toEqual([0]);
    expect(await ids({ from: second.startedAt, templateId: second.template.id }, lead)).toEqual([1, second.id]);
    expect(await ids({ to: first.startedAt }, lead)).toEqual([0]);
    await expect(ids({ from: '2026-02-31T00:00:00Z' }, lead)).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
    await expect(ids({ userId: robin.userId }, quinn)).rejects.toMatchObject(refusedAs('FORBIDDEN'));
  });

  it.each([ListWorkflows, ListMyActiveWorkflows])(
    'are sorted as wished, with each row on one page: %p',
    async (list) => {
      const { quinn } = team();
      const { workflow: first } = await start(quinn);
      const { workflow: second } = await start(quinn, { ticketKey: 'DEMO-2' });
      await workflows.service.request(PauseWorkflow, { id: first.id }, { caller: quinn });
      const ids = async (query: ListWorkflows) => {
        const { data } = await workflows.service.request(list, query, { caller: quinn });
        return data.map(({ id }) => id);
      };
      const [up, down] = [
        [first.id, second.id],
        [second.id, first.id],
      ];

      expect([await ids({ sortBy: 'started_at' }), await ids({ sortBy: '-started_at' })]).toEqual([up, down]);
      expect([await ids({ sortBy: 'updated_at' }), await ids({ sortBy: '-updated_at' })]).toEqual([down, up]);
      for (const sortBy of WORKFLOW_SORTS) {
        const pages = [await ids({ sortBy, pageSize: 1 }), await ids({ sortBy, pageSize: 1, page: 2 })];
        expect(pages.flat()).toEqual(await ids({ sortBy }));
      }
      await expect(ids({ sortBy: 'id; --' as 'status' })).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
    },
  );
});

describe('what belongs to somebody else', () => {
  it('is not found, whether of another person or in another project', async () => {
    const [here, elsewhere] = [team(), team()];
    const { workflow } = await start(here.quinn);
    const { id } = workflow;

    for (const caller of [here.robin, elsewhere.quinn, elsewhere.lead]) {
      await expect(workflows.get(id, caller)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
      await expect(workflows.service.request(PauseWorkflow, { id }, { caller })).rejects.toBeInstanceOf(AppError);
    }
    expect(await workflows.get(id, here.lead)).toEqual(workflow);
  });
});

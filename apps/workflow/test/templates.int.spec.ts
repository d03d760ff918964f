import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateTemplate,
  DeleteTemplate,
  GetTemplate,
  ListTemplates,
  type Template,
  UpdateTemplate,
} from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { BUG_FIX, FEATURE_TEST } from '../src/templates/seeded-templates.js';
import { refusedAs, team, Workflows } from './workflow.fixture.js';

let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start();
});

afterAll(() => workflows.stop());

const STEPS = [{ name: 'Smoke', description: 'Look "around" 🚬.', estimateSeconds: 300 }];

const create = (caller: Caller, ticketType: string | null = null): Promise<Template> =>
  workflows.service.request(CreateTemplate, { name: 'Hotfix', ticketType, steps: STEPS }, { caller });
const update = (caller: Caller, id: string, expectedVersion: number, name = 'Ours'): Promise<Template> =>
  workflows.service.request(UpdateTemplate, { id, expectedVersion, name, ticketType: 'Bug', steps: STEPS }, { caller });
const remove = (caller: Caller, id: string, expectedVersion: number) =>
  workflows.service.request(DeleteTemplate, { id, expectedVersion }, { caller });
const get = (caller: Caller, id: string): Promise<Template> =>
  workflows.service.request(GetTemplate, { id }, { caller });
const names = async (caller: Caller, query: ListTemplates = {}) => {
  const { data } = await workflows.service.request(ListTemplates, query, { caller });
  return data.map(({ name }) => name);
};

describe('the seeded templates', () => {
  it('are there for every project, with an estimate for each step', async () => {
    const { quinn } = team();

    const { data } = await workflows.service.request(ListTemplates, {}, { caller: quinn });

    expect(data.map(({ name, steps }) => [name, ...steps.map((step) => step.name)])).toEqual([
      ['Bug fix', 'Reproduce', 'Investigate', 'Test the fix', 'Regression check', 'Document'],
      ['Feature test', 'Review requirements', 'Exploratory test', 'Happy path', 'Edge cases', 'Document'],
      ['Regression', 'Set up environment', 'Run suite', 'Analyse failures', 'Report'],
    ]);
    expect(
      data.every(({ isSeeded, version, estimateSeconds }) => isSeeded && version === 1 && estimateSeconds > 0),
    ).toBe(true);
  });

  it('are changed for one project only', async () => {
    const [here, elsewhere] = [team(), team()];

    const changed = await update(here.lead, BUG_FIX, 1);

    expect(changed).toMatchObject({ id: BUG_FIX, version: 2, isSeeded: true, steps: STEPS, estimateSeconds: 300 });
    expect(await get(here.quinn, BUG_FIX)).toEqual(changed);
    expect(await names(here.quinn)).toEqual(['Ours', 'Feature test', 'Regression']);
    await expect(get(elsewhere.quinn, BUG_FIX)).resolves.toMatchObject({ name: 'Bug fix', version: 1 });
  });

  it('cannot be deleted, changed or not', async () => {
    const { lead } = team();

    await expect(remove(lead, BUG_FIX, 1)).rejects.toMatchObject(refusedAs('TEMPLATE_SEEDED'));
    await update(lead, BUG_FIX, 1);
    await expect(remove(lead, BUG_FIX, 2)).rejects.toMatchObject(refusedAs('TEMPLATE_SEEDED'));
  });
});

describe('a template of a project', () => {
  it('is made, changed to a new version, and deleted', async () => {
    const { lead } = team();
    const { id } = await create(lead);

    const changed = await update(lead, id, 1);

    expect(changed).toMatchObject({ id, version: 2, isSeeded: false, name: 'Ours' });
    expect(await names(lead, { ticketType: 'bug' })).toEqual(['Bug fix', 'Ours']);
    await expect(remove(lead, id, 2)).resolves.toEqual({});
    await expect(get(lead, id)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
    await expect(update(lead, id, 2)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
  });

  it('is listed behind the seeded ones, or sorted as wished', async () => {
    const { lead } = team();
    await create(lead);
    const seeded = ['Bug fix', 'Feature test', 'Regression'];

    expect(await names(lead)).toEqual([...seeded, 'Hotfix']);
    expect(await names(lead, { sortBy: 'name' })).toEqual(['Bug fix', 'Feature test', 'Hotfix', 'Regression']);
    expect(await names(lead, { sortBy: '-name' })).toEqual(['Regression', 'Hotfix', 'Feature test', 'Bug fix']);
    expect(await names(lead, { sortBy: 'updated_at' })).toEqual([...seeded, 'Hotfix']);
    expect(await names(lead, { sortBy: '-updated_at' })).toEqual(['Hotfix', ...seeded.toReversed()]);
  });

  it('is not found in another project', async () => {
    const [here, elsewhere] = [team(), team()];
    const { id } = await create(here.lead);

    await expect(get(elsewhere.lead, id)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
    await expect(update(elsewhere.lead, id, 1)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
    await expect(remove(elsewhere.lead, id, 1)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
    await expect(get(here.lead, id)).resolves.toMatchObject({ version: 1 });
  });

  it('is changed and deleted whatever its version is where none is named', async () => {
    const { lead } = team();
    const { id } = await create(lead);
    await update(lead, id, 1);
    const { service } = workflows;

    const third = await service.request(
      UpdateTemplate,
      { id, name: 'Ours', ticketType: 'Bug', steps: STEPS },
      { caller: lead },
    );
    await service.request(DeleteTemplate, { id }, { caller: lead });

    expect(third.version).toBe(3);
    await expect(get(lead, id)).rejects.toMatchObject(refusedAs('TEMPLATE_NOT_FOUND'));
  });

  it('is not changed by whoever has read an older version', async () => {
    const { lead } = team();
    const { id } = await create(lead);
    await update(lead, id, 1);

    await expect(update(lead, id, 1)).rejects.toMatchObject(refusedAs('PRECONDITION_FAILED', { version: 2 }));
    await expect(remove(lead, id, 1)).rejects.toMatchObject(refusedAs('PRECONDITION_FAILED', { version: 2 }));
  });

  it('gets one new version from changes at the same moment, the others are refused', async () => {
    const { lead } = team();
    const { id } = await create(lead);

    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((name) => update(lead, id, 1, name)));

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(get(lead, id)).resolves.toMatchObject({ version: 2 });
  });

  it('needs a step, and the permission', async () => {
    const { lead, quinn } = team();
    const empty = workflows.service.request(CreateTemplate, { name: 'Empty', steps: [] }, { caller: lead });

    await expect(empty).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
    await expect(create(quinn)).rejects.toMatchObject(refusedAs('FORBIDDEN'));
  });
});

describe('the template that a ticket takes', () => {
  const typed = (key: string, type: string): string => {
    workflows.neighbours.ticketTypes.set(key, type);
    return key;
  };

  it('is the bug fix for bugs, whatever their case, and the feature test for all else', async () => {
    const { quinn } = team();

    const bug = await workflows.begin(quinn, typed('DEMO-1', 'BUG'));
    const other = await workflows.begin(quinn, typed('DEMO-2', 'Épic "x"'));

    expect([bug.template.id, other.template.id]).toEqual([BUG_FIX, FEATURE_TEST]);
  });

  it("is the project's own before a seeded one, and the newest of these", async () => {
    const { quinn, lead } = team();
    await create(lead, 'Bug');
    const { id } = await create(lead, 'Bug');

    const workflow = await workflows.begin(quinn, typed('DEMO-3', 'Bug'));

    expect(workflow.template.id).toBe(id);
  });

  it('stays in the version that a running workflow started with', async () => {
    const { quinn, lead } = team();
    const template = await create(lead, 'Task');
    const workflow = await workflows.begin(quinn, typed('DEMO-4', 'Task'));
    await update(lead, template.id, 1);
    await remove(lead, template.id, 2);

    expect(await workflows.get(workflow.id, quinn)).toMatchObject({
      template: { version: 1 },
      steps: [{ name: 'Smoke' }],
    });
  });
});

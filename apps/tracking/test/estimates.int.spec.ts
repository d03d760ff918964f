import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListEstimates } from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { startService } from '@qa-pms/testing';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { trackingService } from '../src/service.js';
import { aTemplate, TEMPLATE } from './build.js';
import { refusedAs, Story, team, Tracking, worked } from './tracking.fixture.js';

let tracking: Tracking;

beforeAll(async () => {
  tracking = await Tracking.start();
});

afterAll(() => tracking.stop());

const estimates = async (query: ListEstimates, caller: Caller) =>
  (await tracking.service.request(ListEstimates, query, { caller })).data;

describe('estimates', () => {
  it('are those of the template before five samples', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [100], { estimates: [600] });

    const [everybody, own, ...others] = await estimates({}, quinn);

    expect(everybody).toMatchObject({ stepIndex: 0, userId: null, p50Seconds: 600, p80Seconds: 600, samples: 1 });
    expect(own).toMatchObject({ userId: quinn.userId, samples: 1, p80HeldRate: null });
    expect(others).toEqual([]);
  });

  it('are learned from five samples on, for each person and for everybody', async () => {
    const { quinn, robin, lead, ...rest } = team();
    for (const seconds of [100, 200, 300, 400, 500]) await worked(tracking, rest, quinn.userId, [seconds]);
    await worked(tracking, rest, robin.userId, [600]);

    const found = await estimates({}, lead);

    const of = (userId: string | null) => found.find((one) => one.userId === userId);
    expect(of(null)).toMatchObject({ samples: 6, p50Seconds: 350, p80Seconds: 500 });
    expect(of(quinn.userId)).toMatchObject({ samples: 5, p50Seconds: 300, p80Seconds: 420, p80HeldRate: 0.6 });
    expect(of(robin.userId)).toMatchObject({ samples: 1, p50Seconds: 600, p80HeldRate: null });
  });

  it('do not learn from skipped steps, and count a step that was handed over once', async () => {
    const { quinn, robin, lead, project } = team();
    const told = await new Story(tracking, project, quinn.userId).start();
    await told.after(60).pause();
    await told.handOver(robin.userId);
    await told.resume();
    await told.after(30).endStep();
    await told.after(500).endStep('skipped');

    const found = await estimates({}, lead);

    const samples = found.map(({ stepIndex, userId, samples: count }) => [stepIndex, userId, count]);
    expect(samples).toHaveLength(4);
    expect(samples).toEqual(
      expect.arrayContaining([
        [0, null, 1],
        [0, quinn.userId, 1],
        [0, robin.userId, 1],
        [1, null, 0],
      ]),
    );
  });

  it('can be asked for of one template and one person', async () => {
    const { quinn, robin, ...rest } = team();
    const template = { id: uuidv7(), name: 'Regression', version: 1 };
    await worked(tracking, rest, quinn.userId, [100]);
    await worked(tracking, rest, quinn.userId, [100], { values: { template } });

    const found = await estimates({ templateId: template.id, userId: quinn.userId }, quinn);

    expect(found).toMatchObject([{ templateId: template.id, userId: quinn.userId }]);
    await expect(estimates({ userId: quinn.userId }, robin)).rejects.toMatchObject(refusedAs('FORBIDDEN'));
  });

  it('learn from the latest 200 samples only', async () => {
    const { quinn, robin, lead, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [900], { estimates: [600] });
    const client = new pg.Client({ connectionString: tracking.databaseUrl });
    await client.connect();
    await client.query(`SET qa.all_projects = 'on'`);
    // 200 of Robin's that are newer.
    await client.query(
      `INSERT INTO tracking.step_times (id, project_id, workflow_id, ticket_key, ticket_type, template_id, template_name,
         step_index, step_name, user_id, status, seconds, estimate_seconds, ended_at)
       SELECT gen_random_uuid(), project_id, gen_random_uuid(), ticket_key, ticket_type, template_id, template_name,
         step_index, step_name, $2, status, 60, estimate_seconds, ended_at + number * interval '1 minute'
       FROM tracking.step_times, generate_series(1, 200) AS numbers (number) WHERE project_id = $1`,
      [rest.project, robin.userId],
    );
    await client.end();

    const found = await estimates({}, lead);

    const learned = found.map(({ userId, samples, p80HeldRate }) => [userId, samples, p80HeldRate]);
    expect(learned).toEqual([
      [null, 200, 1],
      [quinn.userId, 1, null],
      [robin.userId, 200, 1],
    ]);
  });

  it('are those of the template where nobody has used it, of all templates and of one', async () => {
    const { quinn, lead, ...rest } = team();
    const { project } = rest;
    await worked(tracking, rest, quinn.userId, [100]);
    // More than workflow is asked for at once.
    const templates = Array.from({ length: 16 }, () => aTemplate(uuidv7(), [600, 300]));
    tracking.templates.set(project, templates);

    const all = (await estimates({}, lead)).filter(({ templateId }) => templateId !== TEMPLATE);
    const own = await estimates({ templateId: templates[15]?.id, userId: quinn.userId }, quinn);

    const facts = { p50Seconds: 600, p80Seconds: 600, samples: 0, p80HeldRate: null };
    const shorter = { ...facts, p50Seconds: 300, p80Seconds: 300 };
    expect(all).toEqual(
      templates.flatMap(({ id: templateId }) => [
        { templateId, stepIndex: 0, userId: null, ...facts },
        { templateId, stepIndex: 1, userId: null, ...shorter },
      ]),
    );
    expect(own).toEqual([
      { templateId: templates[15]?.id, stepIndex: 0, userId: quinn.userId, ...facts },
      { templateId: templates[15]?.id, stepIndex: 1, userId: quinn.userId, ...shorter },
    ]);
  });

  it('follow a new version before anybody has used it, and keep what a deleted template taught', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [100], { estimates: [600] });
    tracking.templates.set(rest.project, [aTemplate(TEMPLATE, [900])]);

    const changed = await estimates({ userId: quinn.userId }, quinn);
    tracking.templates.set(rest.project, []);
    const deleted = [await estimates({}, quinn), await estimates({ templateId: TEMPLATE }, quinn)];

    expect(changed).toMatchObject([{ p50Seconds: 900, samples: 1 }]);
    const last = [
      { userId: null, p50Seconds: 600, samples: 1 },
      { userId: quinn.userId, p50Seconds: 600, samples: 1 },
    ];
    expect(deleted).toMatchObject([last, last]);
  });

  it('are refused while workflow is not there', async () => {
    const { quinn } = team();
    const alone = await startService(trackingService, { databaseUrl: tracking.databaseUrl });

    const refusals = [{}, { templateId: TEMPLATE }].map((query) =>
      alone.request(ListEstimates, query, { caller: quinn }).catch((error: unknown) => error),
    );

    const refusal = expect.objectContaining(refusedAs('UPSTREAM_UNAVAILABLE', { upstream: 'workflow' }));
    expect(await Promise.all(refusals)).toEqual([refusal, refusal]);
    await alone.stop();
  });

  it('follow the newest version of a template', async () => {
    const { quinn, ...rest } = team();
    const version = (number: number) => ({ values: { template: { id: rest.project, name: 'Own', version: number } } });
    await worked(tracking, rest, quinn.userId, [10], { ...version(2), estimates: [700] });
    await worked(tracking, rest, quinn.userId, [10], { ...version(1), estimates: [500] });

    const found = await estimates({}, quinn);

    expect(found[0]).toMatchObject({ p50Seconds: 700, samples: 2 });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AppError,
  CompleteStep,
  CompleteWorkflow,
  ExportReport,
  FinaliseReport,
  GetReport,
  ListReports,
  OpenReportVersion,
  type Report,
  UpdateReport,
} from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refusedAs, team, Workflows } from './workflow.fixture.js';

let workflows: Workflows;

beforeAll(async () => {
  workflows = await Workflows.start();
});

afterAll(() => workflows.stop());

const finalise = (id: string, caller: Caller, expectedVersion?: number): Promise<Report> =>
  workflows.service.request(FinaliseReport, { id, ...(expectedVersion && { expectedVersion }) }, { caller });
const openVersion = (workflowId: string, caller: Caller): Promise<Report> =>
  workflows.service.request(OpenReportVersion, { workflowId }, { caller });
const update = (payload: UpdateReport, caller: Caller): Promise<Report> =>
  workflows.service.request(UpdateReport, payload, { caller });

/** A report that is final, with ten seconds for its first step. */
async function finished(caller: Caller) {
  const { workflow, report } = await workflows.completed(caller);
  await workflows.timed(workflow, [10]);
  return { workflow, report: await finalise(report.id, caller) };
}

describe('the draft of a report', () => {
  it('is there when the workflow is completed, and waits for its times', async () => {
    const { quinn } = team();

    const { workflow, report } = await workflows.completed(quinn, {
      gapReasons: [{ stepIndex: 1, reason: 'Environment was down.' }],
    });

    expect(report).toMatchObject({ status: 'draft', version: 1, title: 'QA report DEMO-1: Title of DEMO-1' });
    expect(report.content).toMatchObject({
      outcome: 'passed',
      time: null,
      steps: workflow.steps,
      gaps: [{ stepIndex: 1, ratio: null, reason: 'Environment was down.' }],
    });
    await expect(finalise(report.id, quinn)).rejects.toMatchObject(refusedAs('REPORT_TIMES_PENDING'));
  });

  it('is made with the completion or not at all', async () => {
    const { quinn, project } = team();
    const { id } = await workflows.finishSteps(await workflows.begin(quinn), quinn);
    const client = new Client({ connectionString: workflows.databaseUrl });
    await client.connect();
    await client.query(`SELECT set_config('qa.project_id', $1, false)`, [project]);
    await client.query(
      `INSERT INTO workflow.reports (id, project_id, workflow_id, ticket_key, user_id, status, version, title, content, generated_at)
       VALUES ($1, $2, $3, 'DEMO-1', $4, 'draft', 1, 'In the way', '{}', now())`,
      [uuidv7(), project, id, quinn.userId],
    );
    await client.end();

    const completion = workflows.service.request(CompleteWorkflow, { id }, { caller: quinn });

    await expect(completion).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await expect(workflows.get(id, quinn)).resolves.toMatchObject({ status: 'active', completedAt: null });
  });

  it('gets its times, and a gap where a step took too long', async () => {
    const { quinn } = team();
    const { workflow, report } = await workflows.completed(quinn);

    await workflows.timed(workflow, [900, 3600], '2026-11-21T10:00:00.000Z');
    await workflows.timed({ ...workflow, rowVersion: workflow.rowVersion - 1 }, [1, 1]);

    const timed = await workflows.reportOf(workflow.id, quinn);
    expect(timed.content.time?.totalSeconds).toBe(4500);
    expect(timed.content.gaps).toEqual([{ stepIndex: 1, ratio: 2, reason: null }]);
    expect(timed.rowVersion).toBe(report.rowVersion + 1);
  });

  it('is edited by its owner or a lead, with the version that was read', async () => {
    const { quinn, robin, lead } = team();
    const { report } = await workflows.completed(quinn);
    const { id, rowVersion: expectedVersion } = report;
    const odd = '"Exploratory" 👀 שלום $1';

    const edited = await update(
      {
        id,
        expectedVersion,
        strategies: odd,
        notes: null,
        outcome: 'failed',
        gaps: [{ stepIndex: 0, ratio: 9, reason: odd }],
      },
      quinn,
    );

    expect(edited.content).toMatchObject({
      strategies: odd,
      notes: null,
      outcome: 'failed',
      gaps: [{ stepIndex: 0, ratio: null, reason: odd }],
    });
    await expect(update({ id, expectedVersion, notes: 'x' }, quinn)).rejects.toMatchObject(
      refusedAs('PRECONDITION_FAILED', { rowVersion: expectedVersion + 1 }),
    );
    await expect(update({ id, expectedVersion: expectedVersion + 1, notes: 'x' }, robin)).rejects.toMatchObject(
      refusedAs('FORBIDDEN'),
    );
    await expect(update({ id, expectedVersion: expectedVersion + 1, notes: 'x' }, lead)).resolves.toMatchObject({
      content: { notes: 'x', strategies: odd },
    });
  });
});

describe('a final report', () => {
  it('does not change any more', async () => {
    const { quinn } = team();
    const { report } = await finished(quinn);

    expect(report).toMatchObject({ status: 'final', finalisedAt: expect.any(String) });
    const { id, rowVersion: expectedVersion } = report;
    await expect(update({ id, expectedVersion, notes: 'x' }, quinn)).rejects.toMatchObject(refusedAs('REPORT_FINAL'));
    await expect(finalise(id, quinn)).rejects.toMatchObject(refusedAs('REPORT_FINAL'));
  });

  it('says in a notice that its times were corrected, and keeps its content', async () => {
    const { quinn } = team();
    const { workflow, report } = await finished(quinn);

    await workflows.timed(workflow, [5], '2026-11-21T11:00:00.000Z');
    await workflows.timed(workflow, [5], '2026-11-21T11:00:01.000Z');
    await workflows.timed(workflow, [10], '2026-11-21T12:00:00.000Z');

    const noticed = await workflows.reportOf(workflow.id, quinn);
    expect(noticed.notices).toEqual([
      'Times were corrected on 2026-11-21T11:00:00.000Z: the total is now 5 s.',
      'Times were corrected on 2026-11-21T12:00:00.000Z: the total is now 10 s.',
    ]);
    expect(noticed.content).toEqual(report.content);
  });

  it('is followed by the next version, with the corrected times', async () => {
    const { quinn } = team();
    const { workflow, report } = await finished(quinn);
    await workflows.timed(workflow, [5], '2026-11-21T11:00:00.000Z');

    const next = await openVersion(workflow.id, quinn);

    expect(next).toMatchObject({ version: 2, status: 'draft', notices: [], content: { time: { totalSeconds: 5 } } });
    await expect(openVersion(workflow.id, quinn)).rejects.toMatchObject(refusedAs('REPORT_DRAFT_OPEN'));
    await expect(finalise(next.id, quinn, 1)).resolves.toMatchObject({ version: 2, status: 'final' });
    const first = await workflows.service.request(GetReport, { id: report.id }, { caller: quinn });
    expect(first).toMatchObject({ version: 1, content: { time: { totalSeconds: 10 } } });
  });

  it('says in a notice that its times were corrected while the next version is a draft, which gets them', async () => {
    const { quinn } = team();
    const { workflow, report } = await finished(quinn);
    const next = await openVersion(workflow.id, quinn);

    await workflows.timed(workflow, [5], '2026-11-21T11:00:00.000Z');
    await workflows.timed(workflow, [5], '2026-11-21T11:00:01.000Z');

    const [first, second] = await Promise.all(
      [report.id, next.id].map((id) => workflows.service.request(GetReport, { id }, { caller: quinn })),
    );
    expect(first).toMatchObject({
      notices: ['Times were corrected on 2026-11-21T11:00:00.000Z: the total is now 5 s.'],
      content: report.content,
    });
    expect(second).toMatchObject({ version: 2, notices: [], content: { time: { totalSeconds: 5 } } });
  });

  it('is followed by one version only when several open it at the same moment', async () => {
    const { quinn } = team();
    const { workflow } = await finished(quinn);

    const outcomes = await Promise.allSettled([1, 2, 3].map(() => openVersion(workflow.id, quinn)));

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('reports that are not there', () => {
  it('are not found: before completion, of no workflow, in another project', async () => {
    const [here, elsewhere] = [team(), team()];
    const { workflow, report } = await workflows.completed(here.quinn);
    const { id: open } = await workflows.begin(here.quinn);
    const { quinn: caller } = elsewhere;

    await expect(openVersion(open, here.quinn)).rejects.toMatchObject(refusedAs('REPORT_NOT_FOUND'));
    await expect(openVersion(uuidv7(), here.quinn)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
    await expect(openVersion(workflow.id, caller)).rejects.toMatchObject(refusedAs('WORKFLOW_NOT_FOUND'));
    await expect(workflows.service.request(GetReport, { id: report.id }, { caller })).rejects.toMatchObject(
      refusedAs('REPORT_NOT_FOUND'),
    );
    await expect(finalise(report.id, caller)).rejects.toMatchObject(refusedAs('REPORT_NOT_FOUND'));
    await expect(workflows.reportOf(workflow.id, caller)).rejects.toMatchObject(refusedAs('REPORT_NOT_FOUND'));
  });
});

describe('the history of reports', () => {
  it('is filtered by ticket, person, status and date, and sorted as wished', async () => {
    const { quinn, robin } = team();
    const { report: first } = await workflows.completed(quinn);
    const { report: second } = await workflows.completed(robin, { ticketKey: 'DEMO-2' });
    const ids = async (query: ListReports) => {
      const { data, pagination } = await workflows.service.request(ListReports, query, { caller: quinn });
      return [pagination.totalItems, ...data.map(({ id }) => id)];
    };

    expect(await ids({})).toEqual([2, second.id, first.id]);
    expect(await ids({ ticketKey: 'DEMO-1' })).toEqual([1, first.id]);
    expect(await ids({ userId: robin.userId, status: 'draft' })).toEqual([1, second.id]);
    expect(await ids({ status: 'final' })).toEqual([0]);
    expect(await ids({ from: second.generatedAt })).toEqual([1, second.id]);
    expect(await ids({ to: second.generatedAt })).toEqual([1, first.id]);
    expect(await ids({ page: 2, pageSize: 1 })).toEqual([2, first.id]);
    expect(await ids({ page: 3, pageSize: 1 })).toEqual([2]);
    expect(await ids({ sortBy: 'generated_at' })).toEqual([2, first.id, second.id]);
    expect(await ids({ sortBy: '-generated_at' })).toEqual([2, second.id, first.id]);
    expect(await ids({ sortBy: 'status' })).toEqual([2, first.id, second.id]);
    expect(await ids({ sortBy: '-status' })).toEqual([2, second.id, first.id]);
    await expect(ids({ to: '2026-02-31T00:00:00Z' })).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
  });
});

describe('the export of a report', () => {
  it('is Markdown, or HTML on wish, named after ticket and date', async () => {
    const { quinn: caller } = team();
    const { report } = await workflows.completed(caller);

    const markdown = await workflows.service.request(ExportReport, { id: report.id }, { caller });
    const html = await workflows.service.request(ExportReport, { id: report.id, format: 'html' }, { caller });

    const name = `QA-DEMO-1-report-${report.generatedAt.slice(0, 10)}`;
    expect(markdown).toMatchObject({ filename: `${name}.md`, mediaType: 'text/markdown; charset=utf-8' });
    expect(markdown.body).toContain('# QA report DEMO-1: Title of DEMO-1');
    expect(html).toMatchObject({ filename: `${name}.html`, mediaType: 'text/html; charset=utf-8' });
    expect(html.body).toContain('<h1>QA report DEMO-1: Title of DEMO-1</h1>');
  });
});

describe('the ticket of a completed workflow', () => {
  it('gets the report with its times, once, and is moved, where that was wished', async () => {
    const { quinn } = team();

    const { workflow } = await workflows.completed(quinn, { postToTicket: true, transitionId: '41' });
    await workflows.timed(workflow, [754, 62]);
    await workflows.timed(workflow, [700, 62]);

    const { comments, transitions } = workflows.neighbours;
    await until(() => transitions.length > 0 && comments.length > 0);
    expect(comments).toEqual([{ key: 'DEMO-1', bodyMarkdown: expect.any(String), author: 'Quinn Abara' }]);
    expect(comments[0]?.bodyMarkdown).toContain('# QA report DEMO-1: Title of DEMO-1');
    expect(comments[0]?.bodyMarkdown).toContain('| Time | 13 min 36 s of');
    expect(transitions).toEqual([{ key: 'DEMO-1', transitionId: '41' }]);
    await expect(workflows.reportOf(workflow.id, quinn)).resolves.toMatchObject({ notices: [] });
  });

  it('that refuses both is told of in notices of the report', async () => {
    const { quinn } = team();
    workflows.neighbours.refusal = new AppError('TICKET_NOT_FOUND', { key: 'DEMO-1' });

    const { workflow } = await workflows.completed(quinn, { postToTicket: true, transitionId: '41' });
    const notices = async () => (await workflows.reportOf(workflow.id, quinn)).notices;
    await until(async () => (await notices()).length === 1);
    await workflows.timed(workflow, [10]);

    await until(async () => (await notices()).length === 2);
    expect(await notices()).toEqual([
      expect.stringContaining('The ticket was not moved: '),
      expect.stringContaining('The report was not posted to the ticket: '),
    ]);
    workflows.neighbours.refusal = null;
  });

  it('is written to again after an error of Jira', async () => {
    const { quinn } = team();
    workflows.neighbours.refusal = new AppError('UPSTREAM_FAILED', { upstream: 'jira' });
    const before = workflows.neighbours.transitions.length;

    const { workflow } = await workflows.completed(quinn, { transitionId: '51' });
    await until(() => workflows.neighbours.refused > 0);
    workflows.neighbours.refusal = null;

    await until(() => workflows.neighbours.transitions.length > before);
    await expect(workflows.reportOf(workflow.id, quinn)).resolves.toMatchObject({ notices: [] });
  });

  it('gets a report that is too long for Jira cut', async () => {
    const { quinn } = team();
    const { id } = await workflows.begin(quinn, 'DEMO-9');
    for (const index of [0, 1]) {
      const step = { id, index, notes: `${'Long. '.repeat(8)}\n`.repeat(900) };
      await workflows.service.request(CompleteStep, step, { caller: quinn });
    }
    const workflow = await workflows.finishSteps(await workflows.get(id, quinn), quinn);
    await workflows.service.request(CompleteWorkflow, { id, postToTicket: true }, { caller: quinn });
    await workflows.timed({ ...workflow, rowVersion: workflow.rowVersion + 1 }, [10]);

    const posted = () => workflows.neighbours.comments.find(({ key }) => key === 'DEMO-9')?.bodyMarkdown ?? '';
    await until(() => posted() !== '');
    expect(posted().length).toBeLessThanOrEqual(30_000);
    expect(posted()).toContain('Cut: the whole report is in QA Intelligent PMS.');
  });
});

describe('reasons of gaps', () => {
  it('are refused for a step that is not there, and a second time', async () => {
    const { quinn } = team();
    const { id, steps } = await workflows.finishSteps(await workflows.begin(quinn), quinn);
    const complete = (...indexes: number[]) => {
      const gapReasons = indexes.map((stepIndex) => ({ stepIndex, reason: 'Slow.' }));
      return workflows.service.request(CompleteWorkflow, { id, gapReasons }, { caller: quinn });
    };
    const at = (path: string) => refusedAs('VALIDATION_ERROR', { violations: [expect.objectContaining({ path })] });

    await expect(complete(0, steps.length)).rejects.toMatchObject(at('gapReasons[1].stepIndex'));
    await expect(complete(0, 1, 0)).rejects.toMatchObject(at('gapReasons[2].stepIndex'));
    await expect(complete(0, 1)).resolves.toMatchObject({ status: 'completed' });
  });
});

/** Waits at most 5 s for what happens after the commit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error('It did not happen within 5 s.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

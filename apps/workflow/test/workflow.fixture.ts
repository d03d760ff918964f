import { expect } from '@jest/globals';
import {
  AddComment,
  AppError,
  ApplyTransition,
  CompleteStep,
  CompleteWorkflow,
  GetMember,
  GetReportOfWorkflow,
  GetTicket,
  GetWorkflow,
  type Report,
  type Role,
  StartWorkflow,
  type Ticket,
  type Workflow,
  WorkflowTimed,
  type WorkflowTime,
} from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { startService, startTestDatabase, stub, testCaller, type TestService } from '@qa-pms/testing';
import { v7 as uuidv7 } from 'uuid';
import { workflowService } from '../src/service.js';

/** What one test lets the other services answer, and what they were told. */
export class Neighbours {
  /** Types of tickets by key; every other ticket is a story. */
  readonly ticketTypes = new Map<string, string>();
  readonly members = new Map<string, Role[]>();
  /** Roles of members in the whole installation; none unless said. */
  readonly installationRoles = new Map<string, Role[]>();
  readonly comments: { key: string; bodyMarkdown: string; author: string | null }[] = [];
  readonly transitions: { key: string; transitionId: string }[] = [];
  /** What Jira answers instead of writing, and how often it did. */
  refusal: AppError | null = null;
  refused = 0;
  /** What is answered instead of any ticket. */
  ticketRefusal: AppError | null = null;

  readonly stubs = [
    stub(GetTicket, ({ key }) => this.ticket(key)),
    stub(GetMember, ({ userId }) => {
      const roles = this.members.get(userId);
      if (!roles) throw new AppError('MEMBER_NOT_FOUND', { id: userId });
      const installationRoles = this.installationRoles.get(userId) ?? [];
      return { userId, username: 'robin', displayName: 'Robin Okafor', roles, installationRoles };
    }),
    stub(AddComment, ({ key, bodyMarkdown }, { displayName: author }) => {
      this.refuse();
      this.comments.push({ key, bodyMarkdown, author });
      return { id: '1', author: null, bodyMarkdown, createdAt: '2026-11-21T09:00:00.000Z' };
    }),
    stub(ApplyTransition, ({ key, transitionId }) => {
      this.refuse();
      this.transitions.push({ key, transitionId });
      return this.ticket(key);
    }),
  ];

  private refuse(): void {
    if (!this.refusal) return;
    this.refused += 1;
    throw this.refusal;
  }

  private ticket(key: string): Ticket {
    if (this.ticketRefusal) throw this.ticketRefusal;
    if (key.startsWith('GONE-')) throw new AppError('TICKET_NOT_FOUND', { key });
    const moment = '2026-11-21T09:00:00.000Z';
    return {
      // Jira answers to the old key of a ticket that was moved.
      key: key.replace(/^OLD-/, 'NEW-'),
      title: `Title of ${key}`,
      type: this.ticketTypes.get(key) ?? 'Story',
      status: 'ready_for_qa',
      jiraStatus: 'Ready for QA',
      priority: null,
      components: [],
      assignee: null,
      updatedAt: moment,
      url: `https://example.atlassian.net/browse/${key}`,
      descriptionMarkdown: '',
      acceptanceCriteria: [],
      reporter: null,
      createdAt: moment,
      dueDate: null,
      labels: [],
      comments: [],
      attachments: [],
      freshness: { source: 'jira', fetchedAt: moment, stale: false },
    };
  }
}

/** The workflow service on a database of its own, in one or more instances. */
export class Workflows {
  private constructor(
    readonly instances: TestService[],
    readonly neighbours: Neighbours,
    readonly databaseUrl: string,
    private readonly removeDatabase: () => Promise<void>,
  ) {}

  static async start(count = 1, settings: Record<string, string> = {}): Promise<Workflows> {
    const database = await startTestDatabase();
    const neighbours = new Neighbours();
    const instances: TestService[] = [];
    for (let index = 0; index < count; index += 1) {
      const options = { databaseUrl: database.url, settings, stubs: neighbours.stubs };
      instances.push(await startService(workflowService, options));
    }
    return new Workflows(instances, neighbours, database.url, () => database.stop());
  }

  async stop(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await this.removeDatabase();
  }

  get service(): TestService {
    return this.instances[0] as TestService;
  }

  async begin(caller: Caller, ticketKey = 'DEMO-1'): Promise<Workflow> {
    const { workflow } = await this.service.request(StartWorkflow, { ticketKey }, { caller });
    return workflow;
  }

  get(id: string, caller: Caller): Promise<Workflow> {
    return this.service.request(GetWorkflow, { id }, { caller });
  }

  /** Completes every open step. */
  async finishSteps(workflow: Workflow, caller: Caller): Promise<Workflow> {
    let current = workflow;
    while (current.currentStepIndex < current.steps.length) {
      const payload = { id: workflow.id, index: current.currentStepIndex };
      current = await this.service.request(CompleteStep, payload, { caller });
    }
    return current;
  }

  /** A completed workflow with the draft of its report. */
  async completed(
    caller: Caller,
    options: Partial<CompleteWorkflow> & { ticketKey?: string } = {},
  ): Promise<{ workflow: Workflow; report: Report }> {
    const { ticketKey, ...completion } = options;
    const { id } = await this.finishSteps(await this.begin(caller, ticketKey), caller);
    const workflow = await this.service.request(CompleteWorkflow, { id, ...completion }, { caller });
    return { workflow, report: await this.reportOf(id, caller) };
  }

  reportOf(workflowId: string, caller: Caller): Promise<Report> {
    return this.service.request(GetReportOfWorkflow, { workflowId }, { caller });
  }

  /** Tracking tells the times of a workflow: so many seconds for each step. */
  timed(workflow: Workflow, seconds: number[], asOf = '2026-11-21T10:00:00.000Z'): Promise<void> {
    const { projectId } = workflow;
    return this.service.deliver(
      WorkflowTimed,
      { projectId, time: timesOf(workflow, seconds, asOf) },
      {
        projectId,
      },
    );
  }
}

/** Times as tracking tells them. */
export function timesOf(workflow: Workflow, seconds: number[], asOf: string): WorkflowTime {
  const steps = workflow.steps.map(({ index, name, estimateSeconds }) => {
    const spent = seconds[index] ?? 0;
    return {
      index,
      name,
      seconds: spent,
      estimateSeconds,
      ratio: spent / estimateSeconds,
      band: spent > 1.2 * estimateSeconds ? ('over' as const) : ('ok' as const),
      sessions: [],
    };
  });
  const totalSeconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const estimateSeconds = steps.reduce((sum, step) => sum + step.estimateSeconds, 0);
  return {
    workflowId: workflow.id,
    totalSeconds,
    pausedSeconds: 0,
    estimateSeconds,
    ratio: totalSeconds / estimateSeconds,
    band: 'ok',
    steps,
    proposals: [],
    rowVersion: workflow.rowVersion,
    asOf,
  };
}

/** Somebody in a project. */
export function person(projectId: string, roles: Role[] = ['qa'], displayName = 'Quinn Abara') {
  const userId = uuidv7();
  return { ...testCaller({ userId, projectId, roles, displayName }), userId };
}

/** A project of its own, with Quinn, Robin and a lead. */
export function team() {
  const project = uuidv7();
  return {
    project,
    quinn: person(project),
    robin: person(project, ['qa'], 'Robin Okafor'),
    lead: person(project, ['tech_lead'], 'Lee Novak'),
  };
}

/** What a refused request rejects with. */
export function refusedAs(code: string, details: Record<string, unknown> = {}): Record<string, unknown> {
  return { code, details: expect.objectContaining(details) };
}

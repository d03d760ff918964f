import { expect } from '@jest/globals';
import {
  AppError,
  CorrectSession,
  GetTemplate,
  GetWorkflowTime,
  ListTemplates,
  paged,
  type Role,
  type Template,
  type Workflow,
  WorkflowChanged,
  type WorkflowTime,
} from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { startService, startTestDatabase, stub, type Stub, testCaller, type TestService } from '@qa-pms/testing';
import { aStep } from '@qa-pms/testing/build';
import { v7 as uuidv7 } from 'uuid';
import { trackingService } from '../src/service.js';
import { aWorkflow } from './build.js';

const SETTINGS = { TRACKING_GAP_CHECK_SECONDS: '3600' };

/** Tracking on a database of its own, beside a workflow that knows some templates. */
export class Tracking {
  private constructor(
    readonly service: TestService,
    readonly databaseUrl: string,
    /** By project. */
    readonly templates: Map<string, Template[]>,
    private readonly removeDatabase: () => Promise<void>,
  ) {}

  static async start(): Promise<Tracking> {
    const database = await startTestDatabase();
    const templates = new Map<string, Template[]>();
    const options = { databaseUrl: database.url, settings: SETTINGS, stubs: templateStubs(templates) };
    const service = await startService(trackingService, options);
    return new Tracking(service, database.url, templates, () => database.stop());
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.removeDatabase();
  }

  time(workflowId: string, caller: Caller, afterRowVersion?: number): Promise<WorkflowTime> {
    const payload = { workflowId, ...(afterRowVersion !== undefined && { afterRowVersion }) };
    return this.service.request(GetWorkflowTime, payload, { caller });
  }

  correct(id: string, span: { startedAt?: string; endedAt?: string }, caller: Caller) {
    return this.service.request(CorrectSession, { id, ...span, reason: 'Lunch.' }, { caller });
  }
}

function templateStubs(templates: Map<string, Template[]>): Stub[] {
  const of = (projectId: string | null): Template[] => templates.get(projectId ?? '') ?? [];
  return [
    stub(ListTemplates, (query, { projectId }) => {
      const { page = 1, pageSize = 20 } = query;
      const all = of(projectId);
      return paged(all.slice((page - 1) * pageSize, page * pageSize), all.length, query);
    }),
    stub(GetTemplate, ({ id }, { projectId }) => {
      const found = of(projectId).find((one) => one.id === id);
      if (!found) throw new AppError('TEMPLATE_NOT_FOUND', { id });
      return found;
    }),
  ];
}

/** Somebody in a project. */
export function person(projectId: string, roles: Role[] = ['qa']): Caller & { userId: string } {
  const userId = uuidv7();
  return { ...testCaller({ userId, projectId, roles }), userId };
}

/** A workflow that goes on step by step, told to tracking; its clock starts at a moment and is moved by the test. */
export class Story {
  readonly id: string;
  private workflow: Workflow;
  private now: number;

  constructor(
    private readonly tracking: Tracking,
    projectId: string,
    userId: string,
    options: { start?: string; estimates?: number[]; values?: Partial<Workflow> } = {},
  ) {
    const { start = '2026-11-20T09:00:00.000Z', estimates = [600, 600], values = {} } = options;
    this.id = uuidv7();
    this.now = Date.parse(start);
    const steps = estimates.map((estimateSeconds, index) =>
      aStep(index, index === 0 ? 'in_progress' : 'pending', { estimateSeconds }),
    );
    this.workflow = aWorkflow({ id: this.id, projectId, userId, steps, startedAt: start, rowVersion: 0, ...values });
  }

  /** So many seconds pass. */
  after(seconds: number): this {
    this.now += seconds * 1000;
    return this;
  }

  start(): Promise<this> {
    return this.change('started', {});
  }

  note(): Promise<this> {
    return this.change('step_updated', {});
  }

  pause(): Promise<this> {
    return this.change('paused', { status: 'paused' });
  }

  resume(): Promise<this> {
    return this.change('resumed', { status: 'active' });
  }

  handOver(userId: string): Promise<this> {
    return this.change('handed_over', { userId });
  }

  cancel(): Promise<this> {
    return this.change('cancelled', { status: 'cancelled' });
  }

  complete(): Promise<this> {
    return this.change('completed', { status: 'completed' });
  }

  /** The step in progress ends, the first pending one begins. */
  endStep(status: 'completed' | 'skipped' = 'completed'): Promise<this> {
    const current = this.workflow.steps.findIndex((step) => step.status === 'in_progress');
    const next = this.workflow.steps.findIndex((step) => step.status === 'pending');
    const steps = this.workflow.steps.map((step, index) => {
      if (index === current) return { ...step, status, completedAt: new Date(this.now).toISOString() };
      return index === next ? { ...step, status: 'in_progress' as const } : step;
    });
    return this.change(status === 'completed' ? 'step_completed' : 'step_skipped', { steps });
  }

  /** A step goes on; the one in progress waits. */
  reopen(index: number): Promise<this> {
    const steps = this.workflow.steps.map((step) => {
      if (step.index === index) return { ...step, status: 'in_progress' as const, completedAt: null };
      return step.status === 'in_progress' ? { ...step, status: 'pending' as const } : step;
    });
    return this.change('step_reopened', { steps });
  }

  /** The last change, once more: as a message of its own. */
  async repeat(): Promise<void> {
    await this.tell('step_updated');
  }

  get rowVersion(): number {
    return this.workflow.rowVersion;
  }

  private async change(change: WorkflowChanged['change'], values: Partial<Workflow>): Promise<this> {
    this.workflow = { ...this.workflow, ...values, rowVersion: this.workflow.rowVersion + 1 };
    await this.tell(change);
    return this;
  }

  private async tell(change: WorkflowChanged['change']): Promise<void> {
    const at = new Date(this.now).toISOString();
    await this.tracking.service.deliver(WorkflowChanged, { change, at, workflow: this.workflow });
  }
}

/** What a refused request rejects with. */
export function refusedAs(code: string, details: Record<string, unknown> = {}): Record<string, unknown> {
  return { code, details: expect.objectContaining(details) };
}

/** A project of its own for each test, with Quinn, Robin and a lead. */
export function team() {
  const project = uuidv7();
  return { project, quinn: person(project), robin: person(project), lead: person(project, ['tech_lead']) };
}

/** A workflow whose steps took so long, one after the other. */
export async function worked(
  tracking: Tracking,
  { project }: { project: string },
  userId: string,
  seconds: number[],
  options: ConstructorParameters<typeof Story>[3] = {},
): Promise<Story> {
  const told = await new Story(tracking, project, userId, { estimates: seconds.map(() => 600), ...options }).start();
  for (const one of seconds) await told.after(one).endStep();
  return told;
}

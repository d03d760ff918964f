import type { Template, Workflow, WorkflowChanged } from '@qa-pms/contracts';
import { aStep } from '@qa-pms/testing/build';
import type { Session, Tracked, TrackedWorkflow } from '../src/sessions/tracked-workflow.js';

export const PROJECT = '0198c5b0-0000-7000-8000-000000000001';
export const QUINN = '0198c5b0-0000-7000-8000-000000000002';
export const ROBIN = '0198c5b0-0000-7000-8000-000000000003';
export const TEMPLATE = '0198c5b0-0000-7000-8000-000000000004';
export const WORKFLOW = '0198c5b0-0000-7000-8000-000000000005';

/** A moment of 21 November 2026, UTC: `at('09:00')`, `at('09:00:01.500')`. */
export function at(time: string): Date {
  const [hours = '00', minutes = '00', seconds = '00.000'] = time.split(':');
  return new Date(`2026-11-21T${hours}:${minutes}:${seconds.includes('.') ? seconds : `${seconds}.000`}Z`);
}

/** A template with steps of these estimates, named as those of `aWorkflow`. */
export function aTemplate(id: string, estimates: number[]): Template {
  return {
    id,
    name: 'Bug fix',
    ticketType: null,
    description: '',
    version: 1,
    isSeeded: false,
    steps: estimates.map((estimateSeconds, index) => ({
      name: `Step ${String(index)}`,
      description: '',
      estimateSeconds,
    })),
    estimateSeconds: estimates.reduce((sum, seconds) => sum + seconds, 0),
    updatedAt: at('09:00').toISOString(),
  };
}

/** A snapshot; by default Quinn's, active, with the first of two steps in progress. */
export function aWorkflow(values: Partial<Workflow> = {}): Workflow {
  const startedAt = at('09:00').toISOString();
  return {
    id: WORKFLOW,
    projectId: PROJECT,
    ticketKey: 'DEMO-1',
    ticketTitle: 'Login fails',
    ticketType: 'Bug',
    template: { id: TEMPLATE, name: 'Bug fix', version: 1 },
    userId: QUINN,
    userDisplayName: 'Quinn Abara',
    status: 'active',
    currentStepIndex: 0,
    steps: [aStep(0, 'in_progress'), aStep(1, 'pending')],
    outcome: null,
    startedAt,
    pausedAt: null,
    completedAt: null,
    cancelledAt: null,
    updatedAt: startedAt,
    rowVersion: 1,
    ...values,
  };
}

/** A change of a workflow at a moment. */
export function aChange(
  change: WorkflowChanged['change'],
  moment: Date,
  values: Partial<Workflow> = {},
): WorkflowChanged {
  return { change, at: moment.toISOString(), workflow: aWorkflow(values) };
}

/** A session; by default Quinn's at the first step, 09:00 to 10:00. */
export function aSession(values: Partial<Session> = {}): Session {
  return {
    id: 's1',
    stepIndex: 0,
    userId: QUINN,
    startedAt: at('09:00'),
    endedAt: at('10:00'),
    actions: [],
    timeZone: 'UTC',
    ...values,
  };
}

/** What tracking knows; by default an active workflow with two steps of 600 s and no session. */
export function aTracked(sessions: Session[] = [], values: Partial<TrackedWorkflow> = {}): Tracked {
  const workflow: TrackedWorkflow = {
    id: WORKFLOW,
    projectId: PROJECT,
    ticketKey: 'DEMO-1',
    ticketType: 'Bug',
    templateId: TEMPLATE,
    templateName: 'Bug fix',
    templateVersion: 1,
    userId: QUINN,
    status: 'active',
    steps: [0, 1].map((index) => ({
      name: `Step ${String(index)}`,
      estimateSeconds: 600,
      status: index === 0 ? 'in_progress' : 'pending',
      endedAt: null,
    })),
    rowVersion: 1,
    startedAt: at('09:00'),
    endedAt: null,
    pausedAt: null,
    pausedSeconds: 0,
    ...values,
  };
  return { workflow, sessions };
}

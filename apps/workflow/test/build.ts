import type { Report, ReportContent, Workflow, WorkflowStep, WorkflowTime } from '@qa-pms/contracts';
import { aStep } from '@qa-pms/testing/build';

const ID = '0198c5b0-0000-7000-8000-000000000001';

/** A step that has passed. */
export function aPassedStep(index: number, values: Partial<WorkflowStep> = {}): WorkflowStep {
  const [startedAt, completedAt] = ['2026-11-21T09:00:00.000Z', '2026-11-21T09:30:00.000Z'];
  return aStep(index, 'completed', { outcome: 'passed', startedAt, completedAt, ...values });
}

/** A completed workflow with these steps. */
export function aWorkflow(steps: WorkflowStep[], values: Partial<Workflow> = {}): Workflow {
  return {
    id: ID,
    projectId: ID,
    ticketKey: 'DEMO-1',
    ticketTitle: 'Login fails',
    ticketType: 'Bug',
    template: { id: ID, name: 'Bug fix', version: 2 },
    userId: ID,
    userDisplayName: 'Quinn Abara',
    status: 'completed',
    currentStepIndex: steps.length,
    steps,
    outcome: 'passed',
    startedAt: '2026-11-21T09:00:00.000Z',
    pausedAt: null,
    completedAt: '2026-11-21T10:00:00.000Z',
    cancelledAt: null,
    updatedAt: '2026-11-21T10:00:00.000Z',
    rowVersion: 9,
    ...values,
  };
}

/** Times with these ratios of 600 s for each step. */
export function aTime(ratios: (number | null)[]): WorkflowTime {
  const steps = ratios.map((ratio, index) => ({
    index,
    name: `Step ${String(index)}`,
    seconds: Math.round((ratio ?? 0) * 600),
    estimateSeconds: ratio === null ? 0 : 600,
    ratio,
    band: (ratio ?? 0) > 1.2 ? ('over' as const) : ('ok' as const),
    sessions: [],
  }));
  const totalSeconds = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    workflowId: ID,
    totalSeconds,
    pausedSeconds: 0,
    estimateSeconds: 600 * ratios.length,
    ratio: totalSeconds / (600 * ratios.length),
    band: 'ok',
    steps,
    proposals: [],
    rowVersion: 9,
    asOf: '2026-11-21T10:00:01.000Z',
  };
}

/** A draft with this content. */
export function aReport(content: ReportContent, values: Partial<Report> = {}): Report {
  return {
    id: ID,
    workflowId: ID,
    ticketKey: content.ticket.key,
    userId: ID,
    status: 'draft',
    version: 1,
    generatedAt: '2026-11-21T10:00:00.000Z',
    finalisedAt: null,
    title: `QA report ${content.ticket.key}: ${content.ticket.title}`,
    content,
    notices: [],
    rowVersion: 1,
    ...values,
  };
}

import type { StepStatus, WorkflowStep } from '@qa-pms/contracts';

/** A step of a workflow. */
export function aStep(index: number, status: StepStatus, values: Partial<WorkflowStep> = {}): WorkflowStep {
  return {
    index,
    name: `Step ${String(index)}`,
    description: '',
    estimateSeconds: 600,
    status,
    outcome: null,
    notes: null,
    links: [],
    testsCovered: [],
    bugs: [],
    skipReason: null,
    startedAt: null,
    completedAt: null,
    ...values,
  };
}

import {
  CoveredTest,
  FoundBug,
  GetWorkflow,
  GetWorkflowTime,
  IntegerField,
  ListField,
  MAX_STEP_NOTES,
  MAX_STEP_TESTS,
  MAX_STEPS,
  ObjectField,
  StepLink,
  TextField,
  Workflow,
  WorkflowTime,
} from '@qa-pms/contracts';
import type { RouteCall } from './route.js';

export class StepNote {
  @IntegerField({ description: 'Index of the step, from 0.', example: 0 })
  stepIndex!: number;

  @TextField({ description: 'Name of the step.', max: 200, example: 'Reproduce' })
  stepName!: string;

  @TextField({ description: 'Notes, Markdown.', max: MAX_STEP_NOTES, min: 0, example: 'Only with Firefox.' })
  notes!: string;
}

/** A workflow with its times and what was written down in all its steps. */
export class WorkflowSummary {
  @ObjectField(() => Workflow, { description: 'The workflow.' })
  workflow!: Workflow;

  @ObjectField(() => WorkflowTime, { description: 'Its times.' })
  time!: WorkflowTime;

  @ListField(() => CoveredTest, { description: 'Tests covered in all steps.', maxItems: MAX_STEPS * MAX_STEP_TESTS })
  testsCovered!: CoveredTest[];

  @ListField(() => FoundBug, { description: 'Bugs found in all steps.', maxItems: 5000 })
  bugs!: FoundBug[];

  @ListField(() => StepLink, { description: 'Links of all steps.', maxItems: 5000 })
  links!: StepLink[];

  @ListField(() => StepNote, { description: 'Notes of the steps that have any.' })
  notes!: StepNote[];
}

/** Puts the summary together: what the workflow's service and tracking know of it. */
export async function summaryOf({ payload, request }: RouteCall): Promise<WorkflowSummary> {
  const id = payload['id'] as string;
  const workflow = await request(GetWorkflow, { id });
  const time = await request(GetWorkflowTime, { workflowId: id, afterRowVersion: workflow.rowVersion });
  const { steps } = workflow;
  return {
    workflow,
    time,
    testsCovered: steps.flatMap(({ testsCovered }) => testsCovered),
    bugs: steps.flatMap(({ bugs }) => bugs),
    links: steps.flatMap(({ links }) => links),
    notes: steps.flatMap(({ index, name, notes }) =>
      notes === null ? [] : [{ stepIndex: index, stepName: name, notes }],
    ),
  };
}

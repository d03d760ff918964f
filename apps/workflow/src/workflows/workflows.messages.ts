import { Controller } from '@nestjs/common';
import {
  type ActiveWorkflows,
  CancelWorkflow,
  CompleteStep,
  CompleteWorkflow,
  GetActiveWorkflows,
  GetWorkflow,
  HandOverWorkflow,
  ListMyActiveWorkflows,
  ListWorkflows,
  MemberRemoved,
  PauseWorkflow,
  ReopenStep,
  ResumeWorkflow,
  SkipStep,
  type StartedWorkflow,
  StartWorkflow,
  UpdateStep,
  type Workflow,
} from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { StartService } from './start.service.js';
import { cancel, completeStep, pause, reopenStep, resume, skipStep, updateStep } from './workflow-rules.js';
import { WorkflowsService } from './workflows.service.js';

@Controller()
export class WorkflowsMessages {
  constructor(
    private readonly workflows: WorkflowsService,
    private readonly starts: StartService,
  ) {}

  @Handle(GetWorkflow)
  get({ id }: GetWorkflow): Promise<Workflow> {
    return this.workflows.get(id);
  }

  @Handle(ListWorkflows)
  list(query: ListWorkflows): Promise<object> {
    return this.workflows.list(query);
  }

  @Handle(GetActiveWorkflows)
  active({ ticketKey }: GetActiveWorkflows): Promise<ActiveWorkflows> {
    return this.workflows.active(ticketKey);
  }

  @Handle(ListMyActiveWorkflows)
  listMine(query: ListMyActiveWorkflows): Promise<object> {
    return this.workflows.listMine(query);
  }

  @Handle(StartWorkflow)
  start(command: StartWorkflow): Promise<StartedWorkflow> {
    return this.starts.start(command);
  }

  @Handle(CompleteStep)
  completeStep(command: CompleteStep): Promise<Workflow> {
    const { index, outcome } = command;
    return this.workflows.change(command, 'step_completed', (workflow, at) =>
      completeStep(workflow, index, outcome ?? 'passed', command, at),
    );
  }

  @Handle(SkipStep)
  skipStep(command: SkipStep): Promise<Workflow> {
    const { index, reason } = command;
    return this.workflows.change(command, 'step_skipped', (workflow, at) => skipStep(workflow, index, reason, at));
  }

  @Handle(ReopenStep)
  reopenStep(command: ReopenStep): Promise<Workflow> {
    const { index, reason } = command;
    return this.workflows.change(command, 'step_reopened', (workflow, at) => reopenStep(workflow, index, reason, at));
  }

  @Handle(UpdateStep)
  updateStep(command: UpdateStep): Promise<Workflow> {
    return this.workflows.change(command, 'step_updated', (workflow, at) =>
      updateStep(workflow, command.index, command, at),
    );
  }

  @Handle(PauseWorkflow)
  pause(command: PauseWorkflow): Promise<Workflow> {
    return this.workflows.change(command, 'paused', (workflow, at) => pause(workflow, at, command.reason));
  }

  @Handle(ResumeWorkflow)
  resume(command: ResumeWorkflow): Promise<Workflow> {
    return this.workflows.change(command, 'resumed', resume);
  }

  @Handle(CancelWorkflow)
  cancel(command: CancelWorkflow): Promise<Workflow> {
    return this.workflows.change(command, 'cancelled', (workflow, at) => cancel(workflow, at, command.reason));
  }

  @Handle(CompleteWorkflow)
  complete(command: CompleteWorkflow): Promise<Workflow> {
    return this.workflows.complete(command);
  }

  @Handle(HandOverWorkflow)
  handOver(command: HandOverWorkflow): Promise<Workflow> {
    return this.workflows.handOver(command);
  }

  @Handle(MemberRemoved)
  memberRemoved(event: MemberRemoved): Promise<void> {
    return this.workflows.memberRemoved(event);
  }
}

import { Controller } from '@nestjs/common';
import { GetActiveSession, GetWorkflowTime, WorkflowChanged } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { SessionsService } from './sessions.service.js';
import { TimesService } from './times.service.js';

@Controller()
export class SessionsMessages {
  constructor(
    private readonly sessions: SessionsService,
    private readonly times: TimesService,
  ) {}

  @Handle(WorkflowChanged)
  workflowChanged(event: WorkflowChanged) {
    return this.sessions.workflowChanged(event);
  }

  @Handle(GetWorkflowTime)
  getWorkflowTime(query: GetWorkflowTime) {
    return this.times.workflowTime(query);
  }

  @Handle(GetActiveSession)
  getActiveSession(query: GetActiveSession) {
    return this.times.activeSession(query.workflowId);
  }
}

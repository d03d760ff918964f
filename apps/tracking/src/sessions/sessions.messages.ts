import { Controller } from '@nestjs/common';
import { GetActiveSession, GetWorkflowTime, WorkflowChanged } from '@qa-pms/contracts';
import { Handle, HandleTogether } from '@qa-pms/platform';
import { SessionsService } from './sessions.service.js';
import { TimesService } from './times.service.js';

@Controller()
export class SessionsMessages {
  constructor(
    private readonly sessions: SessionsService,
    private readonly times: TimesService,
  ) {}

  @HandleTogether(WorkflowChanged)
  workflowChanged(events: WorkflowChanged[]) {
    return this.sessions.workflowChanged(events);
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

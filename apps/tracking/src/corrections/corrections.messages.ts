import { Controller } from '@nestjs/common';
import { CorrectSession } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { CorrectionsService } from './corrections.service.js';

@Controller()
export class CorrectionsMessages {
  constructor(private readonly corrections: CorrectionsService) {}

  @Handle(CorrectSession)
  correctSession(command: CorrectSession) {
    return this.corrections.correct(command);
  }
}

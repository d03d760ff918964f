import { Controller } from '@nestjs/common';
import { SeedDemo } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { DemoService } from './demo.service.js';

@Controller()
export class DemoMessages {
  constructor(private readonly demo: DemoService) {}

  @Handle(SeedDemo) seedDemo(command: SeedDemo) {
    return this.demo.seed(command);
  }
}

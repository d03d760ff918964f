import { Controller } from '@nestjs/common';
import { ListEstimates } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { EstimatesService } from './estimates.service.js';

@Controller()
export class EstimatesMessages {
  constructor(private readonly estimates: EstimatesService) {}

  @Handle(ListEstimates)
  listEstimates(query: ListEstimates) {
    return this.estimates.list(query);
  }
}

import { Controller } from '@nestjs/common';
import { GetAverages, GetTrend, ListHistory } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { HistoryService } from './history.service.js';
import { TrendService } from './trend.service.js';

@Controller()
export class HistoryMessages {
  constructor(
    private readonly history: HistoryService,
    private readonly trends: TrendService,
  ) {}

  @Handle(ListHistory)
  listHistory(query: ListHistory) {
    return this.history.list(query);
  }

  @Handle(GetAverages)
  getAverages(query: GetAverages) {
    return this.history.averages(query);
  }

  @Handle(GetTrend)
  getTrend(query: GetTrend) {
    return this.trends.trend(query);
  }
}

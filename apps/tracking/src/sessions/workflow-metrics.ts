import type { WorkflowChanged, WorkflowTime } from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { BackgroundJobs, counter, gauge, histogram, observe } from '@qa-pms/platform';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';

const started = counter('workflows_started_total', 'Workflows that were started.', ['ticket_type', 'template']);
const completed = counter('workflows_completed_total', 'Workflows that were completed.', ['ticket_type', 'template']);
const durations = histogram('workflow_duration_seconds', 'Worked time of completed workflows, pauses excluded.', {
  labels: ['ticket_type', 'template'],
  buckets: [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400],
});
const ratios = histogram('step_estimate_ratio', 'Worked time of a step by its estimate, of completed workflows.', {
  labels: ['ticket_type', 'template'],
  buckets: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5],
});
const active = gauge('workflows_active', 'Workflows that are active.');

const SERVICE = 'tracking';
const MEASURE_MS = 15_000;
/** People name types and templates: those beyond this many share one label. */
const MAX_NAMES = 50;
const names = new Set<string>();

const COUNT_ACTIVE = statement(
  'tracked-count-active',
  `SELECT count(*)::int AS count FROM tracking.tracked_workflows WHERE status = 'active'`,
);

/** Counts what becomes of workflows. */
@Injectable()
export class WorkflowMetrics implements OnApplicationBootstrap {
  constructor(
    private readonly db: Database,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.every(MEASURE_MS, 'count active workflows', async () => {
      const [row] = await this.db.acrossProjects.read<{ count: number }>(COUNT_ACTIVE);
      active.set({ service: SERVICE }, row?.count ?? 0);
    });
  }

  /** A change that was new; `time` where it ended the workflow. */
  changed({ change, workflow }: WorkflowChanged, time: WorkflowTime | null): void {
    const labels = {
      service: SERVICE,
      ticket_type: bounded(workflow.ticketType),
      template: bounded(workflow.template.name),
    };
    if (change === 'started') started.inc(labels);
    if (change !== 'completed') return;
    completed.inc(labels);
    if (!time) return;
    observe(durations, labels, time.totalSeconds);
    for (const { seconds, estimateSeconds } of time.steps)
      if (estimateSeconds > 0) observe(ratios, labels, seconds / estimateSeconds);
  }
}

function bounded(name: string): string {
  if (names.size < MAX_NAMES) names.add(name);
  return names.has(name) ? name : 'other';
}

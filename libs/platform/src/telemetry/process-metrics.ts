import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';
import { diskFree, memoryLimit } from '../health.checks.js';
import { counter } from './metrics.js';

/** Lines of the log. */
export const logLines = counter('log_lines_total', 'Lines of the log, by their level.', ['level']);

/**
 * Between two looks at the event loop. Two look, ours and that of the default metrics: every 20 and 10 ms they woke a
 * service at rest 150 times a second.
 */
const LAG_RESOLUTION_MS = 50;

let isStarted = false;

/** Metrics of the process as a whole: they belong to the runner, whatever services share it. */
export function startProcessMetrics(version: string): void {
  if (isStarted) return;
  isStarted = true;
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LAG_RESOLUTION_MS });
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  const build = new Gauge({ name: 'build_info', help: 'What runs; always 1.', labelNames: ['version', 'node'] });
  build.set({ version, node: process.version }, 1);
  new Gauge({
    name: 'event_loop_lag_seconds',
    help: 'Longest time that the event loop was blocked since the last scrape, P99.',
    collect() {
      // An idle loop reports the resolution itself.
      this.set(Math.max(0, delay.percentile(99) / 1e9 - LAG_RESOLUTION_MS / 1e3) || 0);
      delay.reset();
    },
  });
  new Gauge({
    name: 'process_memory_limit_bytes',
    help: 'Memory that the process may use: its cgroup’s limit, else that of the machine.',
    collect() {
      this.set(memoryLimit());
    },
  });
  new Gauge({
    name: 'disk_free_ratio',
    help: 'Free share of the fullest disk that health looks at: of log files, else of the working folder, and of the embedded database.',
    collect() {
      this.set(diskFree());
    },
  });
}

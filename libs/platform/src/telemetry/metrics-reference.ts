import { Counter, Gauge, register } from 'prom-client';
import { VERSION } from '../runtime.js';
import { startProcessMetrics } from './process-metrics.js';
import './span-metrics.js';

interface Declared {
  name: string;
  help: string;
  labelNames: string[];
}

/** A table of all metrics of the services that are loaded, for docs/operations/metrics.md; Node's own are left out. */
export function metricsMarkdown(): string {
  startProcessMetrics(VERSION);
  const all = register.getMetricsAsArray() as unknown as Declared[];
  const own = all.filter(({ name }) => !/^(nodejs_|process_(?!memory_limit))/.test(name));
  const rows = own
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map((metric) => {
      const labels = metric.labelNames.map((label) => `\`${label}\``).join(', ');
      return `| \`${metric.name}\` | ${typeOf(metric)} | ${labels} | ${metric.help} |`;
    });
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function typeOf(metric: object): string {
  if (metric instanceof Counter) return 'counter';
  return metric instanceof Gauge ? 'gauge' : 'histogram';
}

import { Counter, Gauge, Histogram, type OpenMetricsContentType, register, Registry } from 'prom-client';

// Several services share a process in all-in-one, and so this registry: each sets the label `service` itself.
// Exemplars, which lead from a figure to a trace, exist in the OpenMetrics format only.
(register as unknown as Registry<OpenMetricsContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);

/** Seconds of what a person or a service waits for: 5 ms to 10 s. */
export const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds of what is a part of that: 0.5 ms to 5 s. */
export const PART_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

type Labels<L extends string> = 'service' | L;

/** Declares a counter; its name ends in `_total`. */
export function counter<L extends string = never>(name: string, help: string, labels: L[] = []): Counter<Labels<L>> {
  return new Counter({ name, help, labelNames: ['service', ...labels] });
}

/** Declares a gauge; `collect`, where there is one, sets it whenever somebody looks. */
export function gauge<L extends string = never>(
  name: string,
  help: string,
  labels: L[] = [],
  collect?: (gauge: Gauge<Labels<L>>) => void,
): Gauge<Labels<L>> {
  return new Gauge({
    name,
    help,
    labelNames: ['service', ...labels],
    ...(collect && {
      collect() {
        collect(this);
      },
    }),
  });
}

/** What is going on: told to a gauge when somebody looks, which on the way in and out would cost twice as much. */
export class Ongoing<L extends string = never> {
  private readonly counts = new Map<string, { labels: Record<Labels<L>, string>; count: number }>();

  constructor(name: string, help: string, labels: L[] = []) {
    gauge(name, help, labels, (told) => {
      for (const { labels: of, count } of this.counts.values()) told.set(of, count);
    });
  }

  /** `change` is 1 or -1; `key` names the labels. */
  add(key: string, change: number, labels: () => Record<Labels<L>, string>): void {
    const known = this.counts.get(key);
    if (known) known.count += change;
    else this.counts.set(key, { labels: labels(), count: change });
  }
}

/** Declares a histogram; durations are seconds. */
export function histogram<L extends string = never>(
  name: string,
  help: string,
  { labels = [], buckets = REQUEST_BUCKETS }: { labels?: L[]; buckets?: number[] } = {},
): Histogram<Labels<L>> {
  return new Histogram({ name, help, labelNames: ['service', ...labels], buckets, enableExemplars: true });
}

/** Seconds since a moment of `performance.now()`. */
export function secondsSince(start: number): number {
  return (performance.now() - start) / 1_000;
}

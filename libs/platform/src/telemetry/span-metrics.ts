import { counter, histogram, PART_BUCKETS } from './metrics.js';

export const created = counter('spans_created_total', 'Spans that were recorded.');
export const dropped = counter(
  'spans_dropped_total',
  'Spans that were dropped because too many waited for the collector.',
);
export const failed = counter('spans_failed_total', 'Spans that the collector did not take.');
export const duration = histogram('span_duration_seconds', 'Durations of recorded spans.', {
  labels: ['kind'],
  buckets: PART_BUCKETS,
});

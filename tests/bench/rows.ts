import type { LoadResult } from './load.js';

/** A line of the table. */
export type Row = { what: string } & Record<string, string | number>;

/** A result in the columns of the table; its processor time also as a multiple of a route of bare Fastify. */
export function rounded(result: LoadResult, bareMicros: number): Omit<Row, 'what'> {
  const tenth = (value: number): number => Math.round(value * 10) / 10;
  return {
    'req/s': Math.round(result.perSecond),
    'P50 ms': tenth(result.p50),
    'P95 ms': tenth(result.p95),
    'P99 ms': tenth(result.p99),
    'CPU µs': Math.round(result.cpuMicros),
    '× bare': tenth(result.cpuMicros / bareMicros),
    errors: result.errors,
  };
}

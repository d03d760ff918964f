import type { Band } from '@qa-pms/contracts';

/** Whole seconds from `start` to `end`, rounded down; 0 when the clocks of two machines disagree. */
export function wholeSeconds(start: Date, end: Date): number {
  return Math.max(0, Math.floor((end.getTime() - start.getTime()) / 1000));
}

/** Actual to estimate with three decimals; null without an estimate. */
export function ratioOf(seconds: number, estimateSeconds: number): number | null {
  return estimateSeconds > 0 ? rounded(seconds / estimateSeconds, 3) : null;
}

/** ok: at most 100 % of the estimate, warning: at most 120 %, over: more. Without an estimate nothing is over. */
export function bandOf(seconds: number, estimateSeconds: number): Band {
  if (estimateSeconds === 0 || seconds <= estimateSeconds) return 'ok';
  // In whole numbers: 1.2 has no exact binary form.
  return seconds * 100 <= estimateSeconds * 120 ? 'warning' : 'over';
}

/** `value` with so many decimals. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

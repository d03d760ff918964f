import type { WorkflowTime } from '@qa-pms/contracts';

/** A step, or the whole (`stepIndex` null), that took more than 120 % of its estimate. */
export interface Gap {
  stepIndex: number | null;
  ratio: number;
  secondsOver: number;
}

/** All steps over 120 % of their estimate, then the whole. Without an estimate nothing is ever over. */
export function gapsOf(time: WorkflowTime): Gap[] {
  const steps = time.steps.map((step) => ({ ...step, stepIndex: step.index }));
  const whole = { ...time, stepIndex: null, seconds: time.totalSeconds };
  return [...steps, whole].flatMap(({ band, ratio, stepIndex, seconds, estimateSeconds }) =>
    band === 'over' && ratio !== null ? [{ stepIndex, ratio, secondsOver: seconds - estimateSeconds }] : [],
  );
}

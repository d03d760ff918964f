/** Samples from which on an estimate is learned. */
export const ENOUGH_SAMPLES = 5;

/** What samples teach; of fewer than five, the template's estimate stands for both. */
export interface Learned {
  p50Seconds: number;
  p80Seconds: number;
  samples: number;
  p80HeldRate: number | null;
}

/** Learns from the seconds that a step took each time, in any order. */
export function learn(samples: number[], estimateSeconds: number): Learned {
  if (samples.length < ENOUGH_SAMPLES) {
    return { p50Seconds: estimateSeconds, p80Seconds: estimateSeconds, samples: samples.length, p80HeldRate: null };
  }
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    p50Seconds: Math.round(percentile(sorted, 0.5)),
    p80Seconds: Math.round(percentile(sorted, 0.8)),
    samples: sorted.length,
    p80HeldRate: heldRate(sorted, 0.8),
  };
}

/** The value below which this share lies, between two samples in proportion: PostgreSQL's percentile_cont. */
export function percentile(sorted: number[], share: number): number {
  return percentileOf(sorted.length, (index) => sorted[index], share);
}

function percentileOf(count: number, sampleAt: (index: number) => number | undefined, share: number): number {
  const position = share * (count - 1);
  const below = sampleAt(Math.floor(position)) ?? 0;
  const above = sampleAt(Math.ceil(position)) ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * How often the percentile would have held: each sample is left out once, the percentile is computed from all others,
 * and it held when the one left out is not above it. With three decimals.
 */
function heldRate(sorted: number[], share: number): number {
  const others = (out: number) => (index: number) => sorted[index < out ? index : index + 1];
  const held = sorted.filter((sample, out) => sample <= percentileOf(sorted.length - 1, others(out), share)).length;
  return Number((held / sorted.length).toFixed(3));
}

import type { Observer } from './observer';

/** Weight of what was seen before in the moving average, as PyTorch's `averaging_constant = 0.01` has it. */
const AVERAGING_CONSTANT = 0.01;

/**
 * Exponential moving average of each sample's extremes in the order of the data:
 * `m ← m + c·(x − m)`, c = 0.01, beginning with the first sample (torch.ao.quantization MovingAverageMinMaxObserver).
 */
export const movingAverage: Observer = (s) => ({
  min: average(s.sampleMin) ?? s.min,
  max: average(s.sampleMax) ?? s.max,
});

function average(values: readonly number[]): number | undefined {
  let mean: number | undefined;
  for (const x of values)
    if (Number.isFinite(x)) mean = mean === undefined ? x : mean + AVERAGING_CONSTANT * (x - mean);
  return mean;
}

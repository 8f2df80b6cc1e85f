import { chooseParams, type ChosenParams, type QuantType } from '../numeric';
import type { ObserverName } from '../results';
import type { TensorStatistics } from './statistics';

/** The range that an observer makes of a tensor's statistics. */
export type Observer = (statistics: TensorStatistics) => { min: number; max: number };

/** Weight of what was seen before in the moving average, as PyTorch's `averaging_constant = 0.01` has it. */
const AVERAGING_CONSTANT = 0.01;

/** Extremes over all samples. */
const minmax: Observer = (s) => ({ min: s.min, max: s.max });

/**
 * Exponential moving average of each sample's extremes in the order of the data:
 * `m ← m + c·(x − m)`, c = 0.01, beginning with the first sample (torch.ao.quantization MovingAverageMinMaxObserver).
 */
const movingAverage: Observer = (s) => ({ min: average(s.sampleMin), max: average(s.sampleMax) });

function average(values: readonly number[]): number {
  let mean = Number.NaN;
  for (const x of values)
    if (Number.isFinite(x)) mean = Number.isNaN(mean) ? x : mean + AVERAGING_CONSTANT * (x - mean);
  return mean;
}

/** All observers by their name in a recipe. */
export const OBSERVERS: Readonly<Record<ObserverName, Observer>> = {
  minmax,
  'moving-average': movingAverage,
};

/** Scale and zero point of a tensor by an observer; `oddity` tells of ranges that say nothing. */
export function observe(
  statistics: TensorStatistics,
  observer: ObserverName,
  type: QuantType,
): ChosenParams {
  const { min, max } = OBSERVERS[observer](statistics);
  return chooseParams(min, max, type);
}

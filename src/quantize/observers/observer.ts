import type { QuantType } from '../../numeric';
import type { TensorStatistics } from '../statistics';

/** Lowest and highest value that are represented; what lies outside is clipped. */
export interface Range {
  min: number;
  max: number;
}

/** What an observer may want to know besides the statistics. */
export interface ObserverSettings {
  /** Integer type of the activation. */
  type: QuantType;
  /** Share of the values, in percent, that `percentile` keeps inside. */
  percentile: number;
  /** How much more the square of a clipped value's error counts than that of rounding; for `auto`; 80 by default. */
  clipping?: number;
  /** What lies outside is not looked at by what reads the tensor, and may be clipped for nothing; for `auto`. */
  read?: Range;
}

/** The range that an observer makes of a tensor's statistics. It never sees the data. */
export type Observer = (statistics: TensorStatistics, settings: ObserverSettings) => Range;

/** True where no other observer can do better than the extremes: nothing, or one single value, was seen. */
export function hasNoSpread({ min, max }: Range): boolean {
  return !(min < max);
}

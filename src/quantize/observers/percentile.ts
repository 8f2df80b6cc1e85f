import type { TensorStatistics } from '../statistics';
import { expectedDb } from './expected';
import { hasNoSpread, type Observer, type ObserverSettings, type Range } from './observer';

/** Percentiles that people try. */
export const PERCENTILES = [99, 99.9, 99.99, 99.999] as const;

/**
 * The range that keeps `percentile` % of the values inside and cuts half of the rest at either end, as
 * onnxruntime's PercentileCalibrater does for asymmetric ranges. Within a bin of the histogram values count as spread
 * evenly.
 */
export const percentile: Observer = (statistics, settings) => {
  if (hasNoSpread(statistics)) return { min: statistics.min, max: statistics.max };
  const cut = (1 - settings.percentile / 100) / 2;
  return {
    min: statistics.histogram.quantile(cut),
    max: statistics.histogram.quantile(1 - cut),
  };
};

/** Ranges and expected SQNR of several percentiles from the same statistics. */
export function percentileSweep(
  statistics: TensorStatistics,
  settings: Pick<ObserverSettings, 'type'>,
  percentiles: readonly number[] = PERCENTILES,
): (Range & { percentile: number; expectedDb: number | null })[] {
  return percentiles.map((each) => {
    const range = percentile(statistics, { ...settings, percentile: each });
    return { percentile: each, ...range, expectedDb: expectedDb(statistics, range, settings.type) };
  });
}

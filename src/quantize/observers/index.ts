import {
  chooseParams,
  codeRange,
  powerOfTwo as upToPowerOfTwo,
  type ChosenParams,
  type QuantType,
} from '../../numeric';
import type { ObservedRange, ObserverName } from '../../results';
import type { TensorStatistics } from '../statistics';
import { COHERENT } from '../clipping-weight';
import { auto } from './auto';
import { entropy } from './entropy';
import { expectedDb } from './expected';
import { minmax } from './minmax';
import { movingAverage } from './moving-average';
import { mse } from './mse';
import type { Observer, ObserverSettings, Range } from './observer';
import { percentile as byPercentile } from './percentile';

export { percentileSweep } from './percentile';
export type { Observer, ObserverSettings } from './observer';

/** What `percentile` keeps inside where nobody says otherwise, in percent. */
const PERCENTILE = 99.99;

/** All observers by their name in a recipe. */
export const OBSERVERS: Readonly<Record<ObserverName, Observer>> = {
  minmax,
  'moving-average': movingAverage,
  percentile: byPercentile,
  entropy,
  mse,
  auto,
};

/** What a recipe may set of its observers. */
export interface ObserverOptions {
  /** {@link ObserverSettings.percentile}; 99.99 by default. */
  percentile?: number;
  /** {@link ObserverSettings.clipping}; 80 by default. */
  clipping?: number;
  /** {@link ObserverSettings.read}; everything by default. */
  read?: Range | undefined;
  /** Zero in the middle of the codes: int8 with zero point 0. */
  symmetric?: boolean;
  /** The scale is a power of two (and symmetric): of the two nearest the one that is expected to err less. */
  powerOfTwo?: boolean;
}

/** Observers that extremes are enough for. */
const BY_EXTREMES: readonly ObserverName[] = ['minmax', 'moving-average'];

/**
 * The range that an observer chooses. Where calibration kept nothing but extremes, those of all samples stand in for
 * whatever needs more; recipes that ask for such an observer by name are refused before.
 */
export function observedRange(
  statistics: TensorStatistics,
  observer: ObserverName,
  settings: ObserverSettings,
): Range {
  const possible = statistics.depth === 'full' || BY_EXTREMES.includes(observer);
  return OBSERVERS[possible ? observer : 'minmax'](statistics, settings);
}

/** Scale and zero point of a tensor by an observer; `oddity` tells of ranges that say nothing. */
export function observe(
  statistics: TensorStatistics,
  observer: ObserverName,
  type: QuantType,
  {
    percentile = PERCENTILE,
    clipping = COHERENT,
    read,
    symmetric = false,
    powerOfTwo = false,
  }: ObserverOptions = {},
): ChosenParams {
  const settings = { type, percentile, clipping, ...(read && { read }) };
  const { min, max } = observedRange(statistics, observer, settings);
  const chosen = chooseParams(min, max, type, { symmetric: symmetric || powerOfTwo });
  return powerOfTwo ? nearestPower(statistics, chosen, type) : chosen;
}

/** Of the power of two that clips nothing and its half the one that is expected to err less at this tensor. */
function nearestPower(
  statistics: TensorStatistics,
  chosen: ChosenParams,
  type: QuantType,
): ChosenParams {
  const scale = upToPowerOfTwo(chosen.scale);
  if (chosen.oddity !== null || statistics.depth !== 'full') return { ...chosen, scale };
  const codes = codeRange(type);
  const db = (s: number) =>
    expectedDb(statistics, { min: codes.min * s, max: codes.max * s }, type) ?? -Infinity;
  return { ...chosen, scale: db(scale / 2) > db(scale) ? scale / 2 : scale };
}

/** The same for several tensors that share one quantizer: the range that holds the range of each. */
export function observeTogether(
  all: readonly TensorStatistics[],
  observer: ObserverName,
  type: QuantType,
  { percentile = PERCENTILE, clipping = COHERENT }: ObserverOptions = {},
): ChosenParams {
  const ranges = all.map((one) => observedRange(one, observer, { type, percentile, clipping }));
  const [low, high] = [ranges.map((r) => r.min), ranges.map((r) => r.max)];
  return chooseParams(Math.min(...low), Math.max(...high), type);
}

/** What every observer would make of a tensor; empty where none can make anything of it. */
export function observeAll(
  statistics: TensorStatistics,
  type: QuantType,
  { percentile = PERCENTILE, clipping = COHERENT, read }: ObserverOptions = {},
): ObservedRange[] {
  const { oddity } = chooseParams(statistics.min, statistics.max, type);
  if (oddity !== null && oddity !== 'constant') return [];
  if (statistics.depth === 'minmax')
    return BY_EXTREMES.map((name) => {
      const range = observedRange(statistics, name, { type, percentile, clipping });
      return { name, ...range, expectedDb: null };
    });
  const names = Object.keys(OBSERVERS) as ObserverName[];
  return names.flatMap((name) => {
    const settings = { type, percentile, clipping, ...(read && { read }) };
    const range = OBSERVERS[name](statistics, settings);
    const db = expectedDb(statistics, range, type);
    return db === null ? [] : [{ name, ...range, expectedDb: db }];
  });
}

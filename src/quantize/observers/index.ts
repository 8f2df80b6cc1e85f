import { chooseParams, type ChosenParams, type QuantType } from '../../numeric';
import type { ObservedRange, ObserverName } from '../../results';
import type { TensorStatistics } from '../statistics';
import { auto } from './auto';
import { entropy } from './entropy';
import { expectedDb } from './expected';
import { minmax } from './minmax';
import { movingAverage } from './moving-average';
import { mse } from './mse';
import type { Observer } from './observer';
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
}

/** Scale and zero point of a tensor by an observer; `oddity` tells of ranges that say nothing. */
export function observe(
  statistics: TensorStatistics,
  observer: ObserverName,
  type: QuantType,
  { percentile = PERCENTILE }: ObserverOptions = {},
): ChosenParams {
  const { min, max } = OBSERVERS[observer](statistics, { type, percentile });
  return chooseParams(min, max, type);
}

/** The same for several tensors that share one quantizer: the range that holds the range of each. */
export function observeTogether(
  all: readonly TensorStatistics[],
  observer: ObserverName,
  type: QuantType,
  { percentile = PERCENTILE }: ObserverOptions = {},
): ChosenParams {
  const ranges = all.map((one) => OBSERVERS[observer](one, { type, percentile }));
  const [low, high] = [ranges.map((r) => r.min), ranges.map((r) => r.max)];
  return chooseParams(Math.min(...low), Math.max(...high), type);
}

/** What every observer would make of a tensor; empty where none can make anything of it. */
export function observeAll(
  statistics: TensorStatistics,
  type: QuantType,
  { percentile = PERCENTILE }: ObserverOptions = {},
): ObservedRange[] {
  const names = Object.keys(OBSERVERS) as ObserverName[];
  return names.flatMap((name) => {
    const range = OBSERVERS[name](statistics, { type, percentile });
    const db = expectedDb(statistics, range, type);
    return db === null ? [] : [{ name, ...range, expectedDb: db }];
  });
}

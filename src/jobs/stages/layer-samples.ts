import type { Feed } from '../../data';
import { feedsHash } from '../keys';

/** The samples of the layer analysis, in memory: few enough to be. */
export interface LayerSamples {
  feeds: Feed[];
  /** Their indices in the evaluation set. */
  positions: number[];
}

const known = new WeakMap<LayerSamples, string>();

/** A hash of what samples hold, by which what was measured on them is remembered. */
export function layerSamplesKey(samples: LayerSamples): string {
  const key = known.get(samples) ?? feedsHash(samples.feeds);
  known.set(samples, key);
  return key;
}

import type { ExactOutputs } from '../../analyze/output-sums';
import type { Feed } from '../../data';
import type { JobContext } from '../context';
import { feedsHash } from '../keys';
import type { Quantized } from '../modes/mode';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';

/** The samples of the layer analysis, in memory: few enough to be. */
export interface LayerSamples {
  feeds: Feed[];
  /** Their indices in the evaluation set. */
  positions: number[];
}

/** What is needed to look at layers, one by one. */
export interface LayerTask {
  plan: Plan;
  subject: Subject;
  calibrated: Calibrated | null;
  quantized: Quantized;
  /** The set that the samples are from. */
  evaluation: Pick<Selection, 'key'>;
  layerSamples: LayerSamples;
  context: JobContext;
}

/** What is needed to compare outputs besides: those of FP32, sample by sample. */
export interface OutputTask extends LayerTask {
  exact: ExactOutputs;
}

const known = new WeakMap<LayerSamples, string>();

/** A hash of what samples hold, by which what was measured on them is remembered. */
export function layerSamplesKey(samples: LayerSamples): string {
  const key = known.get(samples) ?? feedsHash(samples.feeds);
  known.set(samples, key);
  return key;
}

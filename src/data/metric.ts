/** What both models are compared by: a metric that the recipe names by a word, or one of the user's own. */
import type { BuiltInMetric, MetricName, OwnMetric } from '../results';
import type { Label } from './labels';
import { higherIsBetter, needsLabels, perSample } from './metrics';
import type { Feed, Origin, TensorValue } from './source';

/** A sample and what a model made of it. */
export interface Scored {
  outputs: Readonly<Record<string, TensorValue>>;
  /** The FP32 model's outputs for the same sample (the outputs themselves, when FP32 is judged). */
  expected: Readonly<Record<string, TensorValue>>;
  inputs: Feed;
  /** Name of the output that metrics without a choice of their own judge: the model's first. */
  first: string;
  /** Null where the data has no labels. */
  label: Label | null;
  /** Number of the sample among all that the data has, from 0. */
  index: number;
  file: Origin['file'];
  /** Whose outputs these are, for errors. */
  of: 'the FP32 model' | 'the quantized model';
}

/** How outputs are judged: a score for every sample, and one number for all of them. */
export interface Metric {
  name: MetricName;
  own: OwnMetric | null;
  /** Absolute path of the module that computes it; null for ours. */
  file: string | null;
  /** Equal keys give equal scores to equal samples. */
  key: string;
  higherIsBetter: boolean;
  /** It compares with FP32 itself, of which it therefore says nothing. */
  againstFp32: boolean;
  /**
   * The score of a sample: a finite number, or where there is {@link summarize} whatever that takes.
   * @throws VernierError `data.labels` or `metric.*`.
   */
  score: (sample: Scored) => unknown;
  /** The metric of a set, from its scores, NaN where it has none; null where that is their mean. */
  summarize: ((scores: unknown[]) => number) | null;
}

/** A metric that recipes name by a word: it judges the model's first output. */
export function builtInMetric(name: BuiltInMetric): Metric {
  return {
    name,
    own: null,
    file: null,
    key: name,
    higherIsBetter: higherIsBetter(name),
    againstFp32: !needsLabels(name),
    score: ({ outputs, expected, first, label }) =>
      perSample(name, { output: outputs[first]!, label, reference: expected[first]! }),
    summarize: null,
  };
}

/** True for the path of a module, which a recipe may write in place of a metric's name. */
export function isModule(name: MetricName): name is Exclude<MetricName, BuiltInMetric> {
  return name.endsWith('.mjs');
}

/** What trying modes finds, and what a model keeps of its accuracy. Pure types. */
import type { LatencyResult } from './results-latency';
import type { LimitResult, Mode, Note, Target } from './results-terms';

/** Samples that FP32 labels right and the written model wrong, and the other way round. */
export interface LabelChanges {
  lost: number;
  gained: number;
  /** Exact two-sided p-value of McNemar's test. */
  p: number;
}

/** The metrics that a recipe can name by a word. */
export type BuiltInMetric =
  'top1' | 'top5' | 'cross-entropy' | 'mse' | 'mae' | 'sqnr' | 'agreement';
/** One of those, or the path of a module that computes one, as the recipe writes it. */
export type MetricName = BuiltInMetric | `${string}.mjs`;

/** How a metric that a module computes is shown. */
export interface OwnMetric {
  name: string;
  /** What stands behind its values; empty for none. */
  unit: string;
}

export interface AccuracyResult {
  metric: MetricName;
  /** Null for metrics that a recipe names by a word. */
  own: OwnMetric | null;
  /** Null where the metric compares with FP32 itself. */
  fp32: number | null;
  int8: number;
  /** Interval of int8 − fp32 (paired bootstrap). */
  low: number;
  high: number;
  n: number;
  /** True where a larger value is better. */
  higherIsBetter: boolean;
  /** The interval contains zero: the difference is not proven at this n. */
  unproven: boolean;
  /** Labels that only one of the models has right, with McNemar's test; null for other metrics than top1. */
  labels: LabelChanges | null;
  /**
   * Samples with which a difference of this mean and spread would be proven four times out of five; null where it is proven
   * already, or where there is none to prove.
   */
  neededN: number | null;
}

/** By how much a metric is better than before on the same samples; positive whichever way is better. */
export interface PairedGain {
  value: number;
  /** 95 % interval (paired bootstrap). */
  low: number;
  high: number;
  n: number;
  /** The interval contains zero: n is too small to tell it from none. */
  unproven: boolean;
  /** Samples that would tell, as {@link AccuracyResult.neededN}. */
  neededN: number | null;
}

/** One mode that was tried on a model, and what measuring it on this machine found. */
export interface ModeTrial {
  mode: Mode;
  /** Why no model could be written; null where one was, and then what follows is measured. */
  failure: { code: string; message: string } | null;
  bytes: number | null;
  /** MACs that run in integer kernels. */
  int8MacShare: number | null;
  /** Lowest SQNR of a float output. */
  worstDb: number | null;
  accuracy: AccuracyResult | null;
  agreement: { value: number; n: number } | null;
  latency: LatencyResult | null;
  /** What it misses of the accuracy or the limits asked for, in a sentence; null where nothing is. */
  misses: string | null;
  /** The limits of the recipe among that; missing in results of older versions. */
  missed?: LimitResult[];
  /** What else of accuracy, labels or signal it loses; missing in results of older versions. */
  loses?: string | null;
}

/** Which mode is best for a model on this machine, and what that was read from. */
export interface ModeChoice {
  model: string;
  recipe: string | null;
  target: Target;
  trials: ModeTrial[];
  winner: Mode;
  /** Why it won, in a sentence. */
  reason: string;
  /** What a mode had to keep, in a sentence. */
  rule: string;
  /** What the trials were compared on; random inputs say nothing about accuracy. */
  measuredOn: { samples: number; source: string; random: boolean };
  /** Processor of the machine, and threads of the timed sessions; 0 is the runtime's default. */
  machine: string;
  threads: number;
  runtime: string;
  /** Bytes of the FP32 model. */
  fp32Bytes: number;
  /** What is doubtful about the recipe; a run has that in notes of its own. */
  notes?: Note[];
}

/** What trying plans of mixed precision finds: pure types, as in results.ts, whose rules hold here too. */
import type {
  AccuracyResult,
  LatencyResult,
  LimitResult,
  Mode,
  Note,
  OutputMeasures,
  Precision,
  Target,
} from './results';

/** A layer that a plan takes out of INT8. */
export interface PlannedLayer {
  layer: string;
  precision: 'float32' | 'int16';
}

/** What one layer does to the outputs, by trying it alone. */
export interface LayerSensitivity {
  layer: string;
  op: string;
  /** Output SQNR when only this layer is quantized, only its weights, only its inputs; null where not measured. */
  onlyThisDb: number | null;
  weightsDb: number | null;
  activationsDb: number | null;
  cosine: number | null;
  klNats: number | null;
  sameLabel: number | null;
  /** Of the noise of all layers. */
  noiseShare: number | null;
  /** True where its INT8 kernels took longer than FP32's on this machine; null where not timed. */
  slower: boolean | null;
}

/** A choice of precisions, what was expected of it, and what it gave as executed. */
export interface MixedPlan {
  choices: PlannedLayer[];
  /**
   * By adding noise powers, times what all other plans that were run gave more than theirs: not by its own measurement. Null for
   * the plan that all others begin with.
   */
  predictedDb: number | null;
  measured: OutputMeasures;
  /** Bytes of the written model. */
  bytes: number;
  /** Null where it was not timed. */
  latency: LatencyResult | null;
  /** How the runtime executes the layers that it takes out of INT8; missing where the plan was not written as a file. */
  executed?: Record<string, Precision>;
  /** No other plan that was measured is better in one of error, size and time and no worse in the others. */
  pareto: boolean;
  /** The best plan of its number of layers. */
  best: boolean;
  /** Limits of the recipe; empty where it sets none, or this plan was not checked by them. */
  limits: LimitResult[];
  accuracy: AccuracyResult | null;
}

/** Which layers to take out of INT8, and what that buys. */
export interface MixedPrecision {
  model: string;
  recipe: string | null;
  target: Target;
  mode: Mode;
  layers: LayerSensitivity[];
  /** All that were run; the first has all layers as the recipe says. */
  plans: MixedPlan[];
  /** Index of the plan to take. */
  recommended: number;
  /** Why, in a sentence. */
  reason: string;
  /** Limits that no plan meets, as the recommended one leaves them. */
  missed: LimitResult[];
  measuredOn: { samples: number; source: string; heldBack: boolean; random: boolean };
  machine: string;
  runtime: string;
  fp32Bytes: number;
  seconds: number;
  /** True where the time was over before all was tried: this is the best so far. */
  stopped: boolean;
  /** What is doubtful about the recipe; reports of earlier versions have none. */
  notes?: Note[];
}

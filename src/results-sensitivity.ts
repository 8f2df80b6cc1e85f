/** What trying to find the layers that hurt finds: pure types, as in results.ts, whose rules hold here too. */
import type {
  AccuracyResult,
  MetricName,
  Mode,
  Note,
  NoiseCameIn,
  OutputMeasures,
  OwnResult,
  PairedGain,
  SensitivityStage,
  Target,
} from './results';

/** What layers are compared by: a measure of the outputs, or the metric of the recipe. */
export type SensitivityMeasure = 'sqnr' | 'cosine' | 'kl' | 'same-label' | 'metric';

/** What one layer does to the outputs. Whatever its stage did not come to is null. */
export interface LayerSensitivityRow {
  layer: string;
  op: string;
  /** False where the recipe keeps it in FP32. */
  quantized: boolean;
  /** Output SQNR were only this layer quantized, as statistics let expect, and as two passes do. */
  expectedDb: number | null;
  twoPassDb: number | null;
  /** The outputs when only this layer is quantized; only its weights; only its inputs. */
  onlyThis: OutputMeasures | null;
  weights: OutputMeasures | null;
  activations: OutputMeasures | null;
  /** The outputs of the quantized model with just this layer in FP32, and the SQNR that this gains. */
  allButThis: OutputMeasures | null;
  costsDb: number | null;
  /** SQNR of its own output on exact inputs: the noise that it makes. */
  madeDb: number | null;
  cameIn: NoiseCameIn | null;
  /** The rounding of its result alone, where no layer reads those codes. */
  ownResult: OwnResult | null;
  /** Its part of the noise that all layers alone make, by {@link SensitivityReport.shareBy}; with that of {@link ownResult}. */
  share: number | null;
  /**
   * The recipe's metric, against FP32, with only this layer quantized, and with just this one kept in FP32; and what keeping it
   * buys against the whole quantized model, sample by sample.
   */
  metric: {
    onlyThis: AccuracyResult | null;
    allButThis: AccuracyResult | null;
    buys: PairedGain | null;
  } | null;
}

/** What one stage did. */
export interface StageReport {
  stage: SensitivityStage | 'all-but-this' | 'metric';
  /** Layers (or for `metric` evaluations) that are known, of how many. */
  measured: number;
  of: number;
  seconds: number;
  /** Whether the time sufficed; what a stage that was stopped has measured is kept, and the next attempt goes on from it. */
  ended: 'done' | 'stopped' | 'not-begun';
}

/** How sensitive the outputs are to every layer, the worst first. */
export interface SensitivityReport {
  model: string;
  recipe: string | null;
  target: Target;
  mode: Mode;
  /** As far as was asked for. */
  stage: SensitivityStage;
  measure: SensitivityMeasure;
  /** The metric that `measure: metric` is; null with other measures. */
  metric: MetricName | null;
  layers: LayerSensitivityRow[];
  /** The stage that {@link LayerSensitivityRow.share} is from: the last that every layer is known of. */
  shareBy: SensitivityStage | null;
  /** The quantized model's outputs, and with `measure: metric` its metric. */
  whole: OutputMeasures | null;
  wholeMetric: AccuracyResult | null;
  stages: StageReport[];
  measuredOn: { samples: number; source: string; heldBack: boolean; random: boolean };
  runtime: string;
  seconds: number;
  /** True where the time was over before all was measured: this is the best so far. */
  stopped: boolean;
  /** What is doubtful about the recipe; reports of earlier versions have none. */
  notes?: Note[];
}

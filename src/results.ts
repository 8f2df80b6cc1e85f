/**
 * The data that the engine produces and every face shows: pure types, JSON-serialisable, no behaviour.
 * `null` always means *not measured* (or not applicable), never zero. Shares are fractions 0…1, times are
 * milliseconds, sizes bytes, SQNR decibels capped at 150.
 */
import type { ErrorData } from './errors';
import type {
  RangeSummary,
  CalibrationSummary,
  WrittenStatistics,
  WrittenRanges,
  CalibrationReport,
  CalibrationEstimate,
} from './results-calibration';
import type { AccuracyResult, ModeChoice } from './results-choice';
import type { FusionCandidate, QuantizationBreak } from './results-fusions';
import type { SearchResult } from './results-search';
import type { LatencyResult } from './results-latency';
import type { LayerMatch, LayerNoise, NoiseCameIn } from './results-noise';
import type {
  Closeness,
  LimitResult,
  Mode,
  Note,
  OutputCloseness,
  Precision,
  SensitivityStage,
  Target,
} from './results-terms';

export type * from './results-calibration';
export type * from './results-choice';
export type * from './results-diff';
export type * from './results-fusions';
export type * from './results-latency';
export type * from './results-model';
export type * from './results-noise';
export type * from './results-search';
export type * from './results-terms';

/** What a target's rules say of a place in a model; `code` is stable. */
export interface Finding {
  code: string;
  /** `error`: the target refuses the file. `warning`: it runs, not as it could. `info`: what else to know. */
  severity: 'error' | 'warning' | 'info';
  message: string;
  node?: string;
  tensor?: string;
  remedy: string;
}

/** A model checked by the rules of a target. */
export interface CheckResult {
  model: string;
  target: Target;
  nodes: number;
  findings: Finding[];
  /** What else to know of the file. */
  notes: Note[];
}

/** What `vernier calibrate` did. */
export interface CalibrateResult {
  /** Ranges and checks; null for a shard, which is a part of what they are read from. */
  result: RunResult | null;
  statistics: WrittenStatistics | null;
  exported: WrittenRanges[];
}

// ─── what quantization did ────────────────────────────────────────────────────────────────────────

/** How far all float outputs are from FP32's. */
export interface OutputMeasures {
  /** Each output normalised to its own power, so that large ones count no more than small ones. */
  sqnrDb: number;
  /** That of the output whose cosine is lowest. */
  cosine: number;
  /** Mean divergence of the first output's probabilities from FP32's, in nats, and share of rows with the same label; null where it is no scores. */
  klNats: number | null;
  sameLabel: number | null;
}

/** Output SQNR of the rounding of a layer's result alone, in dB, as each stage tells it; null where it was not asked. */
export interface OwnResult {
  expectedDb: number | null;
  twoPassDb: number | null;
  onlyThisDb: number | null;
}

/** One row of the table of layers after a run. */
export interface LayerResult {
  name: string;
  op: string;
  kind: string;
  /** What the written file says. */
  precision: Precision;
  /** What the runtime executes, read from its optimized graph. */
  executed: Precision | null;
  /** The kernel that runs it, e.g. `QLinearConv`, `nchwc.Conv`. */
  kernel: string | null;
  /** The user's wish: `quantize`, or `keep` where `keep_fp32` matches. */
  wish: 'quantize' | 'keep';
  /** Why it is not in the mode's precision or does not run in it, in a sentence; null where it is and does. */
  reason: string | null;
  macs: number | null;
  outputShape: number[] | null;
  /** Own quantizers on exact inputs (DESIGN §5). */
  local: Closeness | null;
  /** Output in the quantized model against FP32 on the same input. */
  accumulated: Closeness | null;
  /** What both errors look like. */
  noise: LayerNoise | null;
  /** Worst local error per output channel, dB, in channel order. */
  localByChannel: number[] | null;
  /**
   * Output SQNR when only this layer is quantized: its weight, bias and inputs. What rounding its output costs counts where
   * that is read, so that the noise of all layers adds up; a model in which all others are kept has it on top.
   */
  onlyThisDb: number | null;
  /** All measures of the same runs. */
  onlyThis: OutputMeasures | null;
  /** The same as statistics, weights and graph let expect, without a run: it orders layers, its decibels are rough. */
  expectedDb: number | null;
  /** The same from two passes: the noise that each layer makes, and the noise that comes together; a few dB from onlyThisDb. */
  twoPassDb: number | null;
  /** What of the noise at its output came in with its inputs; the rest it makes itself (`local`). */
  cameIn: NoiseCameIn | null;
  /**
   * Where its result becomes codes that no layer reads, their rounding is its own, too: output SQNR of that alone, in dB. Null
   * elsewhere; missing in results of earlier versions.
   */
  ownResult?: OwnResult | null;
  /** Share of the noise at the output, of all layers alone; with that of {@link ownResult}. */
  noiseShare: number | null;
  /**
   * The stage that the share, and with it {@link hurts}, was read from: other than `exact` it is an estimate. Results of earlier
   * versions have none: theirs are exact.
   */
  noiseShareBy?: SensitivityStage | null;
  /** Output SQNR gained by keeping just this layer in FP32 (measured by a run). */
  costsDb: number | null;
  /** Share of the output's values outside its range; share of the codes in use. */
  clipRate: number | null;
  utilisation: number | null;
  /** True for at most five layers with ≥ 5 % of the noise at the output. */
  hurts: boolean;
  /**
   * What bias correction did: root mean square over channels of the shift of the layer's mean, on calibration
   * samples that did not make the correction, before and after; `kept` is false where those did not agree.
   */
  biasShift: { before: number; after: number; kept: boolean } | null;
  /** What happens in it on x86 processors without VNNI; null where its kernel does not add pairs in 16 bits. */
  withoutVnni: LayerWithoutVnni | null;
}

/**
 * A layer whose kernel adds two products in 16 bits where there is no VNNI, and clips. Found from the executed graph;
 * the last two are measured by running it with that arithmetic, and null where it was not.
 */
export interface LayerWithoutVnni {
  /** Output channels, and how many of them some activations make clip. */
  channels: number;
  canClip: number;
  /** Share of the values of its result in which something clipped on the samples. */
  clippedShare: number | null;
  /** Its result against the exact one from the same inputs, in dB. */
  sqnrDb: number | null;
}

/** The model with the arithmetic of an x86 processor without VNNI, against the same model with it. */
export interface ModelWithoutVnni {
  samples: number;
  outputs: { name: string; sqnrDb: number; maxAbs: number }[];
  /** Share of the samples with the same label; null where the first output is no vector of scores. */
  sameLabel: number | null;
}

/**
 * A float16 model with each of its values rounded, as hardware with float16 arithmetic and float32 sums does, against
 * FP32. onnxruntime's CPU provider leaves most of these roundings out, so what is measured of it there is better.
 */
export interface ModelRounded {
  samples: number;
  outputs: {
    name: string;
    sqnrDb: number;
    maxAbs: number;
    /** Values that are NaN or infinite where FP32's are not. */
    notFinite: number;
  }[];
  /** Share of the samples with the same label; null where the first output is no vector of scores. */
  sameLabel: number | null;
}

/**
 * A step of the target `fpga-fixed`. Formats are Qm.n in ARM's notation: m + n bits with the sign among the m, so that int8
 * codes of 1/128 are Q1.7; `…` joins the formats of channels that differ.
 */
export interface FixedStepResult {
  /** The layer, or the node that moves codes between layers. */
  layer: string;
  op: string;
  inputs: string[];
  weight: string | null;
  bias: string | null;
  /** As many bits as the widest sum can need. */
  accumulator: string;
  output: string;
  /** Binary places that sums are shifted to the right, over all channels; null where the sum is the result. */
  shift: { low: number; high: number } | null;
  /** Bits that the widest sum can need, from weights, bias and the codes of the input. */
  worstBits: number;
  /** Bits that the widest sum on the samples needed; null where nothing was run, or nothing is added. */
  measuredBits: number | null;
  /** Sums on the samples that the accumulator cannot hold. */
  beyond: number;
  /** Codes compared with onnxruntime's, those that differ, and by how much at most. */
  values: number;
  different: number;
  largest: number;
  /** False where float32 cannot hold its sums exactly, so that onnxruntime may differ from the integers. */
  exact: boolean;
}

/** A model in fixed point, run with integers alone beside onnxruntime, which executes the written file. */
export interface FixedResult {
  accumulatorBits: number;
  /** Samples behind all counts; 0 where nothing could be run. */
  samples: number;
  source: string;
  /** None of the samples was calibrated on. */
  heldBack: boolean;
  steps: FixedStepResult[];
  /** Nodes that stay in float, outside of the design, with the reason. */
  host: { node: string; op: string; reason: string }[];
  /** Files of the export beside the model. */
  files: { name: string; bytes: number }[];
}

/** What the written file needs, and the lines that load it. */
export interface LoadAdvice {
  opset: number;
  irVersion: number;
  contribOps: string[];
  /** E.g. `onnxruntime ≥ 1.8`. */
  runtime: string;
  python: string;
  cpp: string;
  node: string;
}

/** Where the bytes of the written file are. */
export interface ByteBudget {
  fp32: number;
  int8: number;
  parts: { what: string; bytes: number }[];
}

/** What was done with the written file before it took its place (DESIGN §4.11). */
export interface Verification {
  /** Nodes of the written graph, whose order, names, types, sizes and constants were checked. */
  nodes: number;
  /** What it was run on: a sample of the recipe's data, a random one, or nothing: it was loaded only. */
  ranOn: 'data' | 'random' | null;
  /** Why it was not run; null where it was. */
  notRun: string | null;
  /** Lowest SQNR of a float output against FP32 on that one sample. */
  worstDb: number | null;
}

/** Everything a run found; `vernier --json` prints a snake_case view of it. */
export interface RunResult {
  /** Format version of this document. */
  format: 1;
  recipe: string | null;
  model: string;
  output: string | null;
  mode: Mode;
  /** How the mode was chosen where the recipe said `mode: auto`; null where it named one. */
  choice: ModeChoice | null;
  /** What was searched where the recipe said `quantization: auto`; null where it did not. */
  search: SearchResult | null;
  target: Target;
  /** True if the recipe said `auto` and this machine decided. */
  targetWasAuto: boolean;
  runtime: { name: 'onnxruntime-node'; version: string; threads: number };
  layers: LayerResult[];
  /** MACs that ran in integer kernels; null if not known. */
  int8MacShare: number | null;
  /** MACs that the file has between Q and DQ. */
  writtenInt8MacShare: number | null;
  size: ByteBudget | null;
  /** Null until a file was written. */
  verification: Verification | null;
  /** Output SQNR per output name; empty if not measured. */
  sqnrDb: Record<string, number>;
  outputs: OutputCloseness[];
  /** Samples that suffer most, the worst first: the lowest SQNR of their outputs, and where they come from. */
  worstSamples: { sample: string; sqnrDb: number }[];
  /** Samples behind sqnrDb and the layer errors, and where they came from. */
  evaluatedOn: { samples: number; source: string; heldBack: boolean } | null;
  /** Samples (of the same source) behind layer errors and sensitivity. */
  layerSamples: number | null;
  /** Layers that layer errors could be measured of; null where they were not. */
  layerMatch: LayerMatch | null;
  latency: LatencyResult | null;
  accuracy: AccuracyResult | null;
  /** Share of samples with the same label as FP32, where the first output is a vector of scores. */
  agreement: { value: number; n: number } | null;
  /** Null where no layer can clip there, or nothing was run. */
  withoutVnni: ModelWithoutVnni | null;
  /** Null in other modes than float16, or where nothing was run. */
  rounded: ModelRounded | null;
  /** Null for other targets than `fpga-fixed`. */
  fixed: FixedResult | null;
  fusions: FusionCandidate[];
  /** Where integers are made floats and integers again; results of earlier versions have none. */
  breaks?: QuantizationBreak[];
  calibration: CalibrationSummary | null;
  calibrationReport: CalibrationReport | null;
  ranges: RangeSummary[];
  load: LoadAdvice | null;
  limits: LimitResult[];
  seconds: {
    calibrate: number | null;
    quantize: number | null;
    analyze: number | null;
    evaluate: number | null;
  };
  notes: Note[];
  /** Which stages have finished: a result streams in, and is useful before it is complete. */
  complete: boolean;
  /** Content key of model, data, settings and runtime. */
  key: string;
  /** ISO time of the run. It stands only here, never in a written model. */
  finishedAt: string;
}

// ─── running ──────────────────────────────────────────────────────────────────────────────────────

export type Stage =
  | 'read'
  | 'calibrate'
  | 'quantize'
  | 'verify'
  | 'evaluate'
  | 'layer errors'
  | 'sensitivity'
  | 'search'
  | 'latency'
  | 'report';

/** One step of a running job. */
export interface Progress {
  stage: Stage;
  done: number;
  total: number;
  /** Seconds left in this stage, or null while it is unknown. */
  etaSeconds: number | null;
  /** Resident memory of the worker in bytes. */
  memory: number;
  detail?: string;
  /** While it calibrates. */
  estimate?: CalibrationEstimate;
}

/** The last failure, shown where the result would have stood. */
export interface Failure {
  error: ErrorData;
  at: string;
}

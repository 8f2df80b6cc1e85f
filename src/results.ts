/**
 * The data that the engine produces and every face shows: pure types, JSON-serialisable, no behaviour.
 * `null` always means *not measured* (or not applicable), never zero. Shares are fractions 0…1, times are
 * milliseconds, sizes bytes, SQNR decibels capped at 150.
 */
import type { ErrorData } from './errors';
import type { LatencyResult } from './results-latency';
import type {
  Closeness,
  ExistingRange,
  Mode,
  Note,
  ObserverName,
  OutputCloseness,
  Precision,
  Shape,
  Target,
} from './results-terms';

export type * from './results-diff';
export type * from './results-latency';
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
}

export interface ValueSummary {
  name: string;
  /** ONNX element type in lower case, e.g. `float32`, `int64`. */
  type: string;
  shape: Shape;
}

// ─── what a file says before anything runs ────────────────────────────────────────────────────────

/** One layer (DESIGN §5): a weight node of the original graph, or a node that computes. */
export interface LayerSummary {
  /** The node's name, or its first output's name where it has none. Unique within the model. */
  name: string;
  op: string;
  /** E.g. `Conv 3×3 depthwise`, `Gemm 64→10`. */
  kind: string;
  /** Activation tensors that it reads. */
  inputs: string[];
  /** The tensor that it leaves, after the activation that belongs to it. */
  output: string;
  outputShape: Shape | null;
  /** Multiply-accumulates for one sample; null where a dimension is open. */
  macs: number | null;
  parameters: number;
  weight: WeightSummary | null;
  /** Nodes that answer to their own name and lead here: folded or absorbed ones. */
  absorbed: string[];
  /** Indices into the list of layers that feed this one. */
  predecessors: number[];
  /** Where it came from in the source (`name_scopes`, `stack_trace`), if the exporter said. */
  source: string | null;
}

/** A weight tensor *after folding*, as it will be quantized. */
export interface WeightSummary {
  tensor: string;
  shape: number[];
  /** Output-channel axis, or null where there is none. */
  axis: number | null;
  /** Finite extremes; null where the values were not read because the weights take too many bytes together: ask for the layer. */
  min: number | null;
  max: number | null;
  /** Largest magnitude of every output channel, in channel order; null where the values were not read. */
  channelMax: number[] | null;
}

export type FusionStatus = 'will' | 'done' | 'blocked';
/** A group of nodes that can run as one (DESIGN §5). */
export interface FusionCandidate {
  pattern: 'Conv+BatchNorm' | 'Conv+BatchNorm+Activation' | 'Conv+Activation' | 'Conv+Add+Relu';
  nodes: { name: string; op: string }[];
  /** The layer it belongs to. */
  layer: string;
  status: FusionStatus;
  /** The node that stands in the way, and why, in a sentence. */
  blockedBy: { node: string; reason: string } | null;
  /** What is gained, in a sentence. */
  gain: string;
}

/** The quantization that a file has been through before. */
export interface ExistingQuantization {
  /** `qdq`: pairs around float operators; `integer`: operators of integers; `dynamic`: activations while it runs; `weight-only`. */
  formats: ('qdq' | 'integer' | 'dynamic' | 'weight-only')[];
  operators: { op: string; count: number }[];
  tensors: ExistingRange[];
}

/** What `vernier dequantize` did. */
export interface DequantizeResult {
  model: string;
  output: string;
  /** Quantizing nodes before and after. */
  before: number;
  after: number;
  /** Those that stay, with the reason. */
  left: { node: string; op: string; reason: string }[];
  /** The written model against the given one; empty where neither could be run on the data. */
  outputs: OutputCloseness[];
  /** What they were compared on. */
  comparedOn: { samples: number; source: string } | null;
  notes: Note[];
}

/** All that can be said of a model from its file alone. */
export interface ModelSummary {
  file: string;
  bytes: number;
  irVersion: number;
  opset: number;
  domains: { domain: string; version: number }[];
  producer: string;
  inputs: ValueSummary[];
  outputs: ValueSummary[];
  nodes: number;
  parameters: number;
  layers: LayerSummary[];
  fusions: FusionCandidate[];
  /** The quantization that it has been through before; null for a model of floats. */
  quantized: ExistingQuantization | null;
  notes: Note[];
}

// ─── calibration ──────────────────────────────────────────────────────────────────────────────────

/** What calibration found of one tensor, and what the observer made of it. */
export interface RangeSummary {
  tensor: string;
  /** Layers that read or write it. */
  producer: string | null;
  consumers: string[];
  min: number;
  max: number;
  /** Quantization parameters chosen, or null if this tensor is not quantized. */
  scale: number | null;
  zeroPoint: number | null;
  type: 'uint8' | 'int8' | 'uint16' | 'int16' | null;
  /**
   * Scales of the channels (axis 1) where each has its own, as the output of a convolution that only float layers read;
   * `scale` and `zeroPoint` are then those of the channel with the widest range. Null where there is one scale.
   */
  channelScales: number[] | null;
  /** Count of samples that held a NaN or an infinity. */
  notFinite: number;
  /** The first few of these samples by name; left out where there are none. */
  notFiniteIn?: string[];
  /** How much narrower half of the samples would leave it, as a share; null where too few were seen to tell. */
  growth: number | null;
  /** Share of the values outside its quantizer's range on samples that were not calibrated on; null if not measured. */
  outOfRange: number | null;
  /** Up to 64 counts over [min, max], for sparklines. */
  sparkline: number[];
}

/** The range that an observer chooses, and the SQNR to expect of it at the tensor itself, rounding and clipping alike. */
export interface ObservedRange {
  name: ObserverName;
  min: number;
  max: number;
  /** Null where only extremes were kept. */
  expectedDb: number | null;
}

/** A tensor in full, pulled by the Ranges view. */
export interface RangeDetail extends RangeSummary {
  /** The observer whose range this is; null if the tensor is not quantized. */
  observer: ObserverName | null;
  /** What every observer would choose; empty where the values make no range. */
  observers: ObservedRange[];
  samples: number;
  /** Ascending edges, one more than `counts`. */
  edges: number[];
  counts: number[];
  /** Min and max of every channel, or null where the tensor has no channel axis. */
  channels: { min: number[]; max: number[] } | null;
  /** Mean and standard deviation; null where only extremes were kept. */
  mean: number | null;
  std: number | null;
}

/** A layer's weights in full, pulled by the Ranges view. */
export interface WeightDetail extends WeightSummary {
  min: number;
  max: number;
  channelMax: number[];
  layer: string;
  edges: number[];
  counts: number[];
  channelMin: number[];
  /** Signed maximum of every channel (channelMax holds magnitudes). */
  channelTop: number[];
  /** Scale of every channel (or one), as written; null before quantization. */
  scales: number[] | null;
}

export interface CalibrationSummary {
  samples: number;
  /** What the recipe named, e.g. `images/*.jpg` or `random`. */
  source: string;
  random: boolean;
}

/** A file of statistics that was written. */
export interface WrittenStatistics {
  file: string;
  /** Key of model, data, settings and runtime: parts of one key merge. */
  key: string;
  /** Samples `from` (inclusive) to `to` (exclusive) of `total` are in it. */
  from: number;
  to: number;
  total: number;
  tensors: number;
}

/** A file of ranges that was written, and the tensors that have no range to write. */
export interface WrittenRanges {
  file: string;
  format: string;
  tensors: number;
  left: { tensor: string; reason: string }[];
}

/** What `vernier calibrate` did. */
export interface CalibrateResult {
  /** Ranges and checks; null for a shard, which is a part of what they are read from. */
  result: RunResult | null;
  statistics: WrittenStatistics | null;
  exported: WrittenRanges[];
}

/** What `vernier merge` did. */
export interface MergeResult {
  output: string;
  parts: number;
  samples: number;
  tensors: number;
  /** Name of the model's file, and what its data was named. */
  model: string;
  source: string;
  random: boolean;
  key: string;
}

/** Calibration samples beside what a model saw in training, at its first BatchNormalization. */
export interface TrainingLikeness {
  node: string;
  samples: number;
  /**
   * Medians over channels: divergence (nats) of what was measured from the running mean and variance, both taken as normal
   * distributions; distance of the means in running standard deviations; ratio of the variances.
   */
  divergence: number;
  shift: number;
  variance: number;
  /** The divergence is more than that of other samples of the same kind. */
  unlike: boolean;
  /** What explains it: so prepared, the samples are like those of training. */
  suspicion: {
    code: 'scale' | 'channels' | 'layout';
    input: string;
    meant: string;
    remedy: string;
    divergence: number;
  } | null;
}

/** What is known of a calibration besides its ranges. */
export interface CalibrationReport {
  /** The file that ranges were taken from, its format, and how many of the model's tensors it names; null without one. */
  ranges: { file: string; format: string; tensors: number } | null;
  /**
   * How ranges settled with the number of samples: so many would have given every range to 2 %, but for those that still
   * grow, by the share that half of the samples would miss. Null without data.
   */
  convergence: {
    samples: number;
    enough: number | null;
    growing: { tensor: string; growth: number }[];
  } | null;
  /** Samples that were not calibrated on, on which {@link RangeSummary.outOfRange} was counted; null before. */
  heldBack: { samples: number } | null;
  /** Null where the model has no BatchNormalization of its own any more, or the data is random or not here. */
  likeness: TrainingLikeness | null;
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
  /** Worst local error per output channel, dB, in channel order. */
  localByChannel: number[] | null;
  /** Output SQNR when only this layer is quantized. */
  onlyThisDb: number | null;
  /** Share of the noise at the output, from the only-this runs. */
  noiseShare: number | null;
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

/** Samples that FP32 labels right and the written model wrong, and the other way round. */
export interface LabelChanges {
  lost: number;
  gained: number;
  /** Exact two-sided p-value of McNemar's test. */
  p: number;
}

export type MetricName = 'top1' | 'cross-entropy' | 'mse' | 'mae' | 'sqnr' | 'agreement';
export interface AccuracyResult {
  metric: MetricName;
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

export interface LimitResult {
  limit: string;
  wanted: number;
  got: number | null;
  met: boolean | null;
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
  | 'latency'
  | 'report';

/** What a calibration will take, known before its first sample is run. */
export interface CalibrationEstimate {
  /** Tensors that are looked at. */
  tensors: number;
  /** Their bytes in the first sample. */
  sampleBytes: number;
  /** Resident memory of the worker at its highest, in bytes. */
  memory: number;
}

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

/** What can run as one, as a part of the results. Pure types. */
import type { Note } from './results-terms';

/** `will`: predicted, not checked; `done`: the runtime's own graph shows it; `blocked`: something is in the way. */
export type FusionStatus = 'will' | 'done' | 'blocked';

export type FusionPatternName =
  | 'Conv+BatchNorm'
  | 'Conv+BatchNorm+Activation'
  | 'Conv+Activation'
  | 'Conv+Scale'
  | 'Conv+Add'
  | 'Conv+Add+Activation'
  | 'MatMul+Add'
  | 'Gemm+Activation'
  | 'Pad+Conv'
  | 'LayerNorm'
  | 'RMSNorm'
  | 'SkipLayerNorm'
  | 'GELU'
  | 'Add+GELU'
  | 'Attention'
  | 'Transpose pair'
  | 'Transpose+MatMul'
  | 'MatMul+Scale'
  | 'OneHot+MatMul'
  | 'DQ+Q'
  | 'DQ+Operator+Q';

/** Why nodes do not run as one. */
export type FusionBlockerCode =
  | 'second-reader'
  | 'graph-output'
  | 'not-constant'
  | 'overridable'
  | 'shape'
  | 'shape-unknown'
  | 'opset'
  | 'attribute'
  | 'qdq-between'
  | 'type'
  | 'provider'
  | 'layout'
  | 'no-bias'
  | 'same-value'
  | 'form'
  | 'parameters'
  | 'taken'
  | 'unknown';

/** The node in the way of a fusion. */
export interface FusionBlocker {
  node: string;
  code: FusionBlockerCode;
  /** What it is about, where the code alone does not say it. */
  tensor?: string;
  op?: string;
  value?: string;
  /** Why, in a sentence without its subject. */
  reason: string;
  /** What would free it, in a sentence. */
  remedy: string;
}

/** Who makes one of the nodes: a transformer of onnxruntime, at the lowest level of optimization that has it, or one of our passes. */
export interface Fuser {
  who: 'runtime' | 'pass';
  name: string;
  level: 'basic' | 'extended' | 'all' | null;
}

/** What running the nodes apart costs, by their shapes, for one sample (open first dimensions count as one). */
export interface FusionEstimate {
  /** Passes over a tensor that are saved: each node that vanishes reads and writes one. */
  passes: number;
  /** Bytes that they read and write; null where a shape is not known. */
  bytes: number | null;
}

/** A group of nodes that can run as one (DESIGN §5). */
export interface FusionCandidate {
  pattern: FusionPatternName;
  nodes: { name: string; op: string }[];
  /** Names of those that are no more when it is done. */
  vanishing: string[];
  /** The layer it belongs to. */
  layer: string;
  status: FusionStatus;
  /** Who does it; of a blocked one, who would. */
  by: Fuser[];
  /** What stands in the way. */
  blockedBy: FusionBlocker | null;
  /** Why the runtime does not do it by itself, where one of our passes does. */
  alone: FusionBlocker | null;
  /** The node of the runtime's graph that does the work of all, where that was looked at. */
  into: { name: string; op: string } | null;
  /** What is gained, in a sentence. */
  gain: string;
  estimate: FusionEstimate;
}

/** A float island between two integer regions (DESIGN §5). */
export interface QuantizationBreak {
  /** Nodes that run in float, in graph order; empty where codes are only written anew. */
  nodes: { name: string; op: string }[];
  /** The layer to blame: the first of them that could not run in integers. */
  layer: string;
  /** Conversions at its edges: DequantizeLinear and QuantizeLinear nodes that run. */
  conversions: { name: string; op: string; tensor: string }[];
  /** Bytes that they read and write for one sample; null where a shape is not known. */
  bytes: number | null;
  /** Why it runs in float: `no-kernel`, `kept-float` (it could run in integers), or `rescaled` where there are no nodes. */
  code: 'no-kernel' | 'kept-float' | 'rescaled';
  /** The operator to blame; empty where there is none. */
  op: string;
  reason: string;
  /** What would remove the break. */
  remedy: string;
  /** Milliseconds that its conversions take in one run by the runtime's profile, median; null where it was not timed. */
  conversionMs: number | null;
  /** The same of the nodes that run in float; 0 where there are none. */
  floatMs: number | null;
}

/** A model timed with less optimization against the same with all of it, in interleaved runs. */
export interface FusionTimes {
  /** Nodes of the graph that is executed. */
  nodes: { without: number; with: number };
  /** Milliseconds of one run, medians. */
  withoutMs: number;
  withMs: number;
  /** How many times as long it takes without: the median ratio of the pairs, and its interval. */
  times: number;
  low: number;
  high: number;
  pairs: number;
}

/** What one optimizer of the runtime gains in a model, all others being there in both. */
export interface FusionGain extends FusionTimes {
  /** The name of its class in the runtime. */
  optimizer: string;
  level: Fuser['level'];
  /** Groups of nodes that come apart without it, by their pattern. */
  patterns: { pattern: FusionPatternName; fusions: number }[];
}

/** What fusing gains on this machine. */
export interface FusionMeasurement {
  /** The file that was timed. */
  model: string;
  data: string;
  random: boolean;
  /** Of both sessions; 0 is the runtime's default. */
  threads: number;
  machine: string;
  runtime: string;
  /** Without any optimization. */
  whole: FusionTimes;
  /** Optimizers without which something comes apart, what gains most first. */
  gains: FusionGain[];
  /** Optimizers without which nothing does: they had no part in it, or others do their work then. */
  idle: string[];
}

/** What `vernier fusions` finds in a file. */
export interface FusionReport {
  model: string;
  runtime: string;
  nodes: number;
  /** Nodes of the graph that the runtime executes. */
  executedNodes: number;
  fusions: FusionCandidate[];
  breaks: QuantizationBreak[];
  /** Null where it was not asked for. */
  measured: FusionMeasurement | null;
  /** Predictions that the runtime's graph contradicts. */
  mistaken: number;
  /** What else to know of the file. */
  notes: Note[];
}

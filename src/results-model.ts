/** What a file says before anything runs, as a part of the results. Pure types. */
import type { FusionCandidate } from './results-fusions';
import type { ExistingRange, Note, OutputCloseness, Shape } from './results-terms';

export interface ValueSummary {
  name: string;
  /** ONNX element type in lower case, e.g. `float32`, `int64`. */
  type: string;
  shape: Shape;
}

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

/** Two models side by side. Pure types; see `results.ts`. */
import type { LatencyResult } from './results-latency';
import type { Closeness, ExistingRange, Note, OutputCloseness } from './results-terms';

/** How a node of one model was found in the other. */
export type MatchedBy = 'recorded' | 'name' | 'result' | 'structure';

/** One node, or a pair of them, in the order of the first model and then of the second. */
export interface DiffNode {
  /** `folded`: it went into a node of the second model, which {@link DiffNode.b} names. */
  status: 'same' | 'changed' | 'folded' | 'removed' | 'added';
  a: { name: string; op: string } | null;
  b: { name: string; op: string } | null;
  matchedBy: MatchedBy | null;
  /** What differs between the two, each in a few words. */
  changes: string[];
}

/** A tensor's range and scale in both; null where a model does not quantize it. */
export interface DiffRange {
  tensor: string;
  a: ExistingRange | null;
  b: ExistingRange | null;
}

/** A tensor inside the second model against its counterpart in the first, on the same samples. */
export interface DiffTensor extends Closeness {
  /** The node of the first model that makes it. */
  node: string;
  /** Its names in the two. */
  a: string;
  b: string;
}

/** What the files say. */
export interface DiffSide {
  file: string;
  bytes: number;
  opset: number;
  nodes: number;
  /** Nodes that quantize, dequantize or compute on codes. */
  quantizing: number;
  parameters: number;
}

/** `vernier diff`: any two models. */
export interface DiffResult {
  a: DiffSide;
  b: DiffSide;
  /** Of all nodes but those that only quantize: the share of the smaller model's that were found in the other. */
  matched: number;
  nodes: DiffNode[];
  /** Tensors that either model quantizes and whose type, scale or range differ. */
  ranges: DiffRange[];
  /** The second model's outputs against the first's; empty where both could not be run on the same data. */
  outputs: OutputCloseness[];
  /** Inner tensors, in the order of the first model; empty where the outputs are. */
  tensors: DiffTensor[];
  comparedOn: { samples: number; source: string; random: boolean } | null;
  /** The first as `fp32`, the second as `int8`; null where it was not asked for. */
  latency: LatencyResult | null;
  notes: Note[];
}

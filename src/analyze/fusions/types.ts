import type { NodeProto } from '../../onnx';
import type { PassContext } from '../../quantize/context';
import type { Unit } from '../../quantize/units';
import type { Fuser, FusionBlocker, FusionBlockerCode, FusionPatternName } from '../../results';
import type { FusionGraph } from './view';

/** A group of nodes that a pattern found. */
export interface Match {
  /** Where one matcher finds several patterns: which one. */
  pattern?: FusionPatternName;
  /** In the order of the data; the node that gives its name to the layer is the first one. */
  nodes: NodeProto[];
  /** Nodes that are no more when it is done; by default all but the first. */
  vanish?: NodeProto[];
  /** The layer's node, where it is not the first. */
  host?: NodeProto;
  /** What stands in the runtime's way. */
  blocker: FusionBlocker | null;
  /** True where one of our passes makes one of it when the model is quantized. */
  pass?: boolean;
}

/** What a matcher may ask. */
export interface MatchInput {
  graph: FusionGraph;
  context: PassContext;
  /** Layers of the prepared model, by name. */
  units: ReadonlyMap<string, Unit>;
  /** True on machines where the runtime has convolutions in a blocked layout: x86-64. */
  blockedLayout: boolean;
  /** What earlier patterns of the table found, by the node: those that the runtime will do. */
  fused: ReadonlyMap<NodeProto, FusionPatternName>;
}

/** One row of the table of fusions. */
export interface FusionPattern {
  name: FusionPatternName;
  /** Other names under which the matcher reports. */
  also?: readonly FusionPatternName[];
  /** What becomes what, for the documentation. */
  what: string;
  by: readonly Fuser[];
  /** Operators that the runtime, or the pass, leaves in its place. */
  into: readonly string[];
  /** What may be in the way. */
  blockers: readonly FusionBlockerCode[];
  /** What is gained, in a sentence. */
  gain: string;
  match(input: MatchInput): Match[];
}

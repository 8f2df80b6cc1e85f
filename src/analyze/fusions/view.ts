import {
  floatData,
  isDefaultDomain,
  Model,
  tensorDims,
  tensorType,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { shallowCopy } from '../../onnx/copy';
import { inferShapes, type Dim, type TensorInfo } from '../../onnx/shapes';
import { PassContext } from '../../quantize/context';
import { inlineConstants } from '../../quantize/passes/inline-constants';
import { SourceGraph } from '../source-graph';

/** Constants of more values are weights: nobody asks for their values. */
const MOST_VALUES = 64;

/** A file's graph as the runtime's optimizers see it, after they took out Identity and folded constants. */
export class FusionGraph extends SourceGraph {
  private readonly inputs: ReadonlySet<string>;
  private readonly folded = new Map<string, boolean>();
  private readonly traced = new Map<string, boolean>();
  private names: ReadonlyMap<string, NodeProto> | null = null;
  private inferred: ReadonlyMap<string, TensorInfo> | null = null;

  readonly model: Model;

  /** @param source is left as it is; its nodes are shared */
  constructor(source: Model) {
    const model = withoutConstantNodes(source);
    super(model);
    this.model = model;
    this.inputs = new Set(model.graph.input.map((v) => v.name));
  }

  get nodes(): readonly NodeProto[] {
    return this.model.graph.node;
  }

  /** The node of that name. */
  named(name: string): NodeProto | undefined {
    this.names ??= new Map(this.nodes.map((node) => [node.name, node]));
    return this.names.get(name);
  }

  /** True for a node of ONNX's own domain with one of these operators. */
  is(node: NodeProto, ...ops: string[]): boolean;
  is(node: NodeProto | undefined, ...ops: string[]): node is NodeProto;
  is(node: NodeProto | undefined, ...ops: string[]): boolean {
    return node !== undefined && isDefaultDomain(node.domain) && ops.includes(node.opType);
  }

  /** An initializer that callers may feed other values for: it is an input of the model too (IR 4 and later). */
  isOverridable(tensor: string): boolean {
    const name = this.origin(tensor);
    return this.isConstant(name) && this.inputs.has(name) && this.model.proto.irVersion >= 4n;
  }

  /** True where the runtime takes a tensor for a constant: initializers that nobody may feed, and what is computed of them alone. */
  isFrozen(tensor: string): boolean {
    const name = this.origin(tensor);
    let frozen = this.folded.get(name);
    if (frozen !== undefined) return frozen;
    this.folded.set(name, false); // while it is looked at: graphs have no circles, files may
    const node = this.producer(name);
    if (!node) frozen = this.isConstant(name) && !this.isOverridable(name);
    else if (node.opType === 'Shape')
      frozen = this.shape(node.input[0]!)?.every((dim) => typeof dim === 'number') ?? false;
    else
      frozen =
        isDefaultDomain(node.domain) &&
        !NOT_FOLDED.test(node.opType) &&
        node.input.some((input) => input !== '') &&
        node.input.every((input) => input === '' || this.isFrozen(input));
    this.folded.set(name, frozen);
    return frozen;
  }

  /** Type and shape of a tensor, as far as the file tells. */
  info(tensor: string): TensorInfo | undefined {
    const name = this.origin(tensor);
    const proto = this.index.initializer(name);
    if (proto) return { type: tensorType(proto), shape: tensorDims(proto) };
    this.inferred ??= inferShapes(this.model);
    return this.inferred.get(name);
  }

  /** A shape as far as the runtime knows it when it optimizes, which is less than {@link info} tells. */
  shape(tensor: string): readonly Dim[] | null {
    const name = this.origin(tensor);
    return this.isTraced(name) ? (this.info(name)?.shape ?? null) : null;
  }

  /** False where a shape depends on one that is computed while the model runs: the runtime does not follow those. */
  private isTraced(tensor: string): boolean {
    let traced = this.traced.get(tensor);
    if (traced !== undefined) return traced;
    this.traced.set(tensor, false);
    const node = this.producer(tensor);
    if (!node || this.index.valueInfo(tensor)) traced = true;
    else {
      const sizes = SHAPED.includes(node.opType) ? node.input.slice(1) : [];
      traced =
        sizes.every((name) => name === '' || this.isFrozen(name)) &&
        node.input.every((name) => name === '' || this.isTraced(this.origin(name)));
    }
    this.traced.set(tensor, traced);
    return traced;
  }

  /** The stored tensor of that name, seen through Identity. */
  stored(tensor: string): TensorProto | undefined {
    return this.index.initializer(this.origin(tensor));
  }

  /** Values of a small float32 constant; undefined for anything else. */
  values(tensor: string): Float32Array | undefined {
    const proto = this.stored(tensor);
    if (!proto || tensorType(proto) !== 'float32') return undefined;
    const count = tensorDims(proto).reduce((a, b) => a * b, 1);
    return count <= MOST_VALUES ? floatData(proto, this.model.dir) : undefined;
  }

  /** True where a constant is one value, near `value` (a relative 1e-3). */
  isValue(tensor: string, value: number): boolean {
    const values = this.values(tensor);
    return values?.length === 1 && Math.abs(values[0]! - value) <= 1e-3 * Math.abs(value);
  }

  /** The input of a node with two that is not `tensor`, both seen through Identity. */
  other(node: NodeProto, tensor: string): string | undefined {
    if (node.input.length !== 2) return undefined;
    const [a, b] = node.input.map((name) => this.origin(name)) as [string, string];
    return a === tensor ? b : a;
  }

  /** The node that computes a tensor, seen through Identity. */
  maker(tensor: string | undefined): NodeProto | undefined {
    return tensor === undefined || tensor === '' ? undefined : this.producer(this.origin(tensor));
  }

  /**
   * The tensor before a QuantizeLinear → DequantizeLinear pair that a tensor comes out of, and that pair's QuantizeLinear;
   * null where it comes out of none.
   */
  beforePair(tensor: string): { tensor: string; quantize: NodeProto } | null {
    const dq = this.maker(tensor);
    if (!this.is(dq, 'DequantizeLinear')) return null;
    const q = this.maker(dq.input[0]);
    return this.is(q, 'QuantizeLinear') ? { tensor: this.origin(q.input[0]!), quantize: q } : null;
  }
}

/** Operators whose further inputs say the shape of the result. */
const SHAPED = ['Reshape', 'Expand', 'Tile', 'Resize', 'Upsample', 'OneHot', 'TopK'];
/** What the runtime does not compute when it loads a model. */
const NOT_FOLDED = /^(Random.*|Bernoulli|Multinomial|If|Loop|Scan|DequantizeLinear)$/;

/** The model with its `Constant` nodes as initializers; lists are copied, nodes and tensors shared. */
function withoutConstantNodes(model: Model): Model {
  const graph = shallowCopy(model.graph);
  graph.node = [...graph.node];
  graph.initializer = [...graph.initializer];
  const proto = shallowCopy(model.proto);
  proto.graph = graph;
  const view = new Model(proto, model.file, model.dir);
  inlineConstants(view, new PassContext());
  return view;
}

/** True where two dimensions are surely equal. */
export function sameDim(a: Dim | undefined, b: Dim | undefined): boolean {
  return a !== null && a !== undefined && a === b;
}

/** True where two shapes are surely equal. */
export function sameShape(a: readonly Dim[] | null, b: readonly Dim[] | null): boolean {
  return a !== null && b !== null && a.length === b.length && a.every((d, i) => sameDim(d, b[i]));
}

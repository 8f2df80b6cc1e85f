/** A Q/DQ graph as rules look at it. */
import {
  attribute,
  GraphIndex,
  intAttribute,
  isDefaultDomain,
  tensorData,
  tensorDims,
  tensorType,
  type ElementType,
  type Model,
  type NodeProto,
} from '../../onnx';
import { inferShapes, type TensorInfo } from '../../onnx/shapes';

/** Operators with a weight that integers multiply, and the slots of what they multiply. */
export const WEIGHTED: Readonly<Record<string, readonly number[]>> = {
  Conv: [0, 1],
  ConvTranspose: [0, 1],
  Gemm: [0, 1],
  MatMul: [0, 1],
};

/** A quantizer's numbers: how many scales, their values and zero points where they are constants. */
export interface Quantizer {
  node: NodeProto;
  /** Type of the codes. */
  type: ElementType | null;
  /** Null where they are computed. */
  scales: number[] | null;
  zeroPoints: number[];
  axis: number;
}

/** Model, index and shapes, with questions that rules ask. */
export class QdqGraph {
  readonly index: GraphIndex;
  private readonly shapes: Map<string, TensorInfo>;

  constructor(readonly model: Model) {
    this.index = new GraphIndex(model.graph);
    this.shapes = inferShapes(model);
  }

  get nodes(): readonly NodeProto[] {
    return this.model.graph.node;
  }

  /** Names a node as people know it. */
  nameOf(node: NodeProto): string {
    return node.name || (node.output[0] ?? node.opType);
  }

  rankOf(tensor: string): number | null {
    const constant = this.index.initializer(tensor);
    return constant ? constant.dims.length : (this.shapes.get(tensor)?.shape?.length ?? null);
  }

  sizeOf(tensor: string, axis: number): number | null {
    const constant = this.index.initializer(tensor);
    const dims = constant ? tensorDims(constant) : (this.shapes.get(tensor)?.shape ?? []);
    const size = dims[axis < 0 ? dims.length + axis : axis];
    return typeof size === 'number' ? size : null;
  }

  typeOf(tensor: string): ElementType | null {
    const constant = this.index.initializer(tensor);
    return constant ? tensorType(constant) : (this.shapes.get(tensor)?.type ?? null);
  }

  isQuantize(node: NodeProto | undefined): boolean {
    return node?.opType === 'QuantizeLinear';
  }

  isDequantize(node: NodeProto | undefined): boolean {
    return node?.opType === 'DequantizeLinear';
  }

  /** Numbers of a QuantizeLinear or DequantizeLinear. */
  quantizer(node: NodeProto): Quantizer {
    const scale = this.index.initializer(node.input[1] ?? '');
    const zero = this.index.initializer(node.input[2] ?? '');
    const produced = this.isQuantize(node) ? node.output[0]! : node.input[0]!;
    return {
      node,
      type: zero ? tensorType(zero) : this.typeOf(produced),
      scales: scale
        ? Array.from(tensorData(scale, this.model.dir) as ArrayLike<number>, Number)
        : null,
      zeroPoints: zero
        ? Array.from(tensorData(zero, this.model.dir) as ArrayLike<number>, Number)
        : [],
      axis: attribute(node, 'axis') ? intAttribute(node, 'axis', 1) : 1,
    };
  }

  /** The dequantizer that a tensor comes from. */
  dequantizerOf(tensor: string | undefined): NodeProto | undefined {
    const node = tensor ? this.index.producer(tensor) : undefined;
    return this.isDequantize(node) ? node : undefined;
  }

  /** True where what a dequantizer reads is a constant, or made of one by a quantizer. */
  isConstantDequantizer(node: NodeProto): boolean {
    const codes = node.input[0] ?? '';
    if (this.index.isConstant(codes)) return true;
    const quantize = this.index.producer(codes);
    return this.isQuantize(quantize) && this.index.isConstant(quantize!.input[0] ?? '');
  }

  /** Readers of a tensor that are ONNX's own operators or others, without those behind a subgraph. */
  readers(tensor: string): NodeProto[] {
    return this.index.consumers(tensor);
  }

  isOwn(node: NodeProto): boolean {
    return isDefaultDomain(node.domain);
  }
}

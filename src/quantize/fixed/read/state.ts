/** What a reader knows of a model while it walks through it. */
import { VernierError } from '../../../errors';
import {
  attribute,
  floatData,
  GraphIndex,
  intAttribute,
  tensorData,
  tensorType,
  type Model,
  type NodeProto,
} from '../../../onnx';
import { inferShapes, type TensorInfo } from '../../../onnx/shapes';
import { exponentOf } from '../format';
import type { FixedStep, FixedTensor, HostNode } from '../program';
import type { Bounds } from '../sums';

/** A constant of codes. */
export interface Constant {
  codes: Int8Array | Int32Array;
  dims: number[];
  /** Exponents of its scales, one or by channel. */
  exponents: number[];
  axis: number;
}

/** A node read as a step whose result has no format yet. */
export interface Made {
  step: FixedStep;
  shape: number[];
  /** Bounds in real numbers, from Relu and Clip behind it. */
  low: number;
  high: number;
}

/** The same with all nodes that it stands for; the quantizer behind them decides the format. */
export interface Pending extends Made {
  nodes: readonly NodeProto[];
}

/** Bounds of a result that nothing clamps. */
export const OPEN = { low: -Infinity, high: Infinity };

const REMEDY = 'Quantize the float model with target: fpga-fixed.';

export class ReadState {
  readonly index: GraphIndex;
  readonly shapes: Map<string, TensorInfo>;
  /** Float tensors that are codes times a power of two, by the tensor of the codes. */
  readonly known = new Map<string, string>();
  readonly constants = new Map<string, Constant>();
  readonly pending = new Map<string, Pending>();
  readonly tensors = new Map<string, FixedTensor>();
  readonly steps: FixedStep[] = [];
  readonly host: HostNode[] = [];
  /** Nodes that are in it. */
  readonly outside = new Set<NodeProto>();

  constructor(
    readonly model: Model,
    inputShapes: Record<string, number[]>,
  ) {
    this.index = new GraphIndex(model.graph);
    this.shapes = inferShapes(model, inputShapes);
  }

  /** Name of a node, or its first output's where it has none. */
  nameOf(node: NodeProto): string {
    return node.name || (node.output[0] ?? node.opType);
  }

  /** Binary places of a tensor of codes. */
  fraction(tensor: string): number {
    return this.tensors.get(tensor)!.format.fraction as number;
  }

  codes(tensor: string): Bounds {
    return this.tensors.get(tensor)!.codes;
  }

  /** Shape of a tensor for one sample. @throws `model.not-fixed-point` where it is not known */
  shapeOf(tensor: string, node: NodeProto): number[] {
    const shape = this.shapes.get(tensor)?.shape;
    const dims = shape?.map((d, i) => (typeof d === 'number' ? d : i === 0 ? 1 : NaN));
    if (!dims || dims.some(Number.isNaN))
      throw this.refuse(
        node,
        `has the result '${tensor}', whose shape is not known`,
        'Give the shape of the inputs under inputs: in the recipe.',
      );
    return dims;
  }

  /** The bounds of a Relu or a Clip of constants; null for another node, or computed bounds. */
  boundsOf(node: NodeProto): { low: number; high: number } | null {
    if (node.opType === 'Relu') return { low: 0, high: Infinity };
    if (node.opType !== 'Clip') return null;
    const bound = (slot: number, otherwise: number): number | null => {
      const name = node.input[slot] ?? '';
      if (name === '') return otherwise;
      const constant = this.index.initializer(name);
      return constant ? (floatData(constant, this.model.dir)[0] ?? null) : null;
    };
    const [low, high] = [bound(1, -Infinity), bound(2, Infinity)];
    return low === null || high === null ? null : { low, high };
  }

  /** Exponents of a quantizer's scales. @throws where they are no powers of two, or zero is not code 0 */
  scalesOf(node: NodeProto): { exponents: number[]; axis: number } {
    const scale = this.index.initializer(node.input[1] ?? '');
    const zero = this.index.initializer(node.input[2] ?? '');
    if (!scale) throw this.refuse(node, 'has a scale that is computed');
    const exponents = Array.from(floatData(scale, this.model.dir), (s) => {
      const exponent = exponentOf(s);
      if (exponent === null)
        throw this.refuse(node, `has the scale ${s}, which is no power of two`);
      return exponent;
    });
    const zeros = zero ? (tensorData(zero, this.model.dir) as ArrayLike<number>) : [];
    if (Array.from(zeros).some((z) => z !== 0))
      throw this.refuse(node, 'has a zero point other than 0');
    const type = zero ? tensorType(zero) : 'uint8';
    if (type !== 'int8' && type !== 'int32') throw this.refuse(node, `has codes of type ${type}`);
    return { exponents, axis: attribute(node, 'axis') ? intAttribute(node, 'axis', 1) : 0 };
  }

  refuse(node: NodeProto, what: string, remedy = REMEDY): VernierError {
    const name = this.nameOf(node);
    return new VernierError('model.not-fixed-point', `'${name}' ${what}.`, {
      ...(this.model.file ? { file: this.model.file } : {}),
      node: name,
      remedy,
    });
  }
}

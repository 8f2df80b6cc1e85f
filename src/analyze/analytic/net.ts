import {
  floatData,
  GraphIndex,
  intAttribute,
  intsAttribute,
  permutation,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import type { TensorStatistics } from '../../quantize/statistics';
import { even, reshaped, size, type Field } from './field';
import type { Kernel } from './kernels';

/** What is known of a tensor's values. */
export interface Power {
  /** Mean over all of them. */
  mean: number;
  /** Mean of their squares. */
  square: Field;
  /** Behind a Relu or Clip: the share of values that it lets through, and the means of channels. */
  active?: Field;
  means?: Field;
}

/** A tensor of which nothing is known is taken as standard normal. */
export const UNKNOWN: Power = { mean: 0, square: even(1) };

/** Variance over the whole tensor. */
export function variance({ mean, square }: Power): number {
  const all = square.values.reduce((a, b) => a + b, 0) / square.values.length;
  return Math.max(0, all - mean ** 2);
}

/** A graph with all shapes that are known, and what calibration saw of some of its tensors. */
export class Net {
  readonly index: GraphIndex;
  private readonly constants = new Map<string, (Kernel & { values: Float32Array }) | null>();

  constructor(
    private readonly model: Model,
    private readonly shapes: ReadonlyMap<string, TensorInfo>,
    private readonly seen: ReadonlyMap<string, TensorStatistics>,
  ) {
    this.index = new GraphIndex(model.graph);
  }

  get nodes(): readonly NodeProto[] {
    return this.model.graph.node;
  }

  get outputs(): string[] {
    return this.model.graph.output.map(({ name }) => name);
  }

  /** What calibration saw of a tensor, histogram and all. */
  statistics(tensor: string): TensorStatistics | undefined {
    const found = this.seen.get(tensor);
    return found?.depth === 'full' && found.moments.count > 0 ? found : undefined;
  }

  dims(tensor: string): readonly number[] | null {
    const constant = this.index.initializer(tensor);
    if (constant) return tensorDims(constant);
    const seen = this.seen.get(tensor)?.dims ?? [];
    if (seen.length > 0) return seen;
    const shape = this.shapes.get(tensor)?.shape;
    return shape?.every((d): d is number => typeof d === 'number') ? shape : null;
  }

  /** A float32 constant; null where the tensor is none. */
  constant(tensor: string | undefined): (Kernel & { values: Float32Array }) | null {
    if (!tensor) return null;
    let found = this.constants.get(tensor);
    if (found === undefined) {
      const proto = this.index.initializer(tensor);
      const float = proto && tensorType(proto) === 'float32';
      found = float ? { values: floatData(proto, this.model.dir), dims: tensorDims(proto) } : null;
      this.constants.set(tensor, found);
    }
    return found;
  }
}

/** Axis attribute, counted from the front. */
export function axisOf(node: NodeProto, rank: number, fallback = -1): number {
  const axis = intAttribute(node, 'axis', fallback);
  return axis < 0 ? axis + rank : axis;
}

/** How many values one result of a pool or a reduction is made of. */
export function averaged(
  node: NodeProto,
  from: readonly number[] | null,
  to: readonly number[] | null,
): number {
  const kernel = intsAttribute(node, 'kernel_shape');
  if (kernel) return size(kernel);
  return from && to ? Math.max(1, size(from) / size(to)) : 1;
}

/** A field behind a node that moves values: transposed, viewed, or (where its axis does not survive) their mean. */
export function moved(
  node: NodeProto,
  field: Field,
  from: readonly number[],
  to: readonly number[],
): Field {
  if (node.opType !== 'Transpose' || field.axis === null) return reshaped(field, from, to);
  return { axis: permutation(node, from.length).indexOf(field.axis), values: field.values };
}

/** The same from behind the node to before it. */
export function movedBack(
  node: NodeProto,
  field: Field,
  from: readonly number[],
  to: readonly number[],
): Field {
  if (node.opType !== 'Transpose' || field.axis === null) return reshaped(field, to, from);
  return { axis: permutation(node, from.length)[field.axis]!, values: field.values };
}

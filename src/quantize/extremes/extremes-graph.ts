import { create } from '@bufbuild/protobuf';
import type { Model } from '../../onnx';
import {
  GraphIndex,
  isDefaultDomain,
  makeInt,
  makeNode,
  makeTensor,
  type NodeProto,
  type ValueInfoProto,
} from '../../onnx';
import { ValueInfoProtoSchema } from '../../onnx/gen/onnx_pb';
import type { TensorInfo } from '../../onnx/shapes';

/** How one extreme of a tensor is read from the results of the model that {@link withExtremes} makes. */
interface Place {
  /** Output of the model. */
  output: string;
  /** First column of it, and how many: the extreme is the largest of them over all rows. */
  from: number;
  count: number;
}

/** Where everything about one tensor stands. */
export interface ExtremesPlaces {
  max: Place;
  /** Null where the smallest value is zero, or may be taken as zero: after a Relu. */
  min: Place | null;
  /** A mean, which is not finite if a single value is not; null where nobody needs it. */
  mean: Place | null;
}

/** A model that returns extremes instead of tensors. */
export interface ExtremesGraph {
  model: Model;
  outputs: string[];
  places: Map<string, ExtremesPlaces>;
}

/** Channels come in blocks of so many; what does not fill them has to leave the layout to be pooled or joined. */
const BLOCK = 16;
/** Operators whose results lie in the blocked layout if what they read does. */
const BLOCKED = new Set([
  ...['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'MaxPool', 'AveragePool'],
  ...['GlobalAveragePool', 'GlobalMaxPool', 'BatchNormalization', 'Add', 'Sum', 'Mul', 'Concat'],
]);

/**
 * A copy of a model that returns the largest and smallest value of some tensors, and the mean of some, in a few small
 * outputs, computed where the tensors are:
 *
 * 1. Of images that lie in the runtime's blocked layout, and fill its blocks, GlobalMaxPool takes the maximum of each channel
 *    without leaving it; results are joined there too.
 * 2. Of everything else ReduceMax takes it.
 * 3. The minimum is left out where a Relu, or a Clip at zero, makes the tensor; else ReduceMin takes it.
 *
 * Inputs of the model are looked at in the same way. Tensors that the graph does not have are left out. The model's own outputs are not returned.
 */
export function withExtremes(
  model: Model,
  tensors: readonly string[],
  shapes: ReadonlyMap<string, TensorInfo>,
  means: ReadonlySet<string>,
): ExtremesGraph {
  const copy = model.copy();
  const index = new GraphIndex(copy.graph);
  const joined = new Join(index);
  const blocked = blockedTensors(copy.graph.node);
  const places = new Map<string, ExtremesPlaces>();
  for (const tensor of tensors) {
    const producer = index.producer(tensor);
    if (!producer && !index.isGraphInput(tensor)) continue;
    const dims = shapes.get(tensor)?.shape;
    // Results are joined with others: they must be of one type.
    const cast = shapes.get(tensor)?.type !== 'float32';
    const channels = blocked.has(tensor) && dims?.length === 4 ? dims[1] : null;
    const inBlocks = typeof channels === 'number' && channels > 0 && channels % BLOCK === 0;
    const max = inBlocks
      ? joined.pooled(tensor, channels, dims![0])
      : joined.reduced('ReduceMax', tensor, cast);
    const min =
      producer && startsAtZero(index, producer) ? null : joined.reduced('ReduceMin', tensor, cast);
    const mean = means.has(tensor) ? joined.reduced('ReduceMean', tensor, cast) : null;
    places.set(tensor, { max, min, mean });
  }
  const outputs = joined.finish();
  copy.graph.output = outputs.map((name): ValueInfoProto => create(ValueInfoProtoSchema, { name }));
  return { model: copy, outputs, places };
}

/** The extreme that stands at a place of what a run returned. */
export function extremeAt(
  { output, from, count }: Place,
  results: Readonly<Record<string, { data: unknown; dims: readonly number[] }>>,
): number {
  const { data, dims } = results[output]!;
  const values = data as Float32Array;
  const width = values.length / Math.max(1, dims[0] ?? 1);
  let largest = -Infinity;
  for (let row = 0; row < values.length; row += width)
    for (let i = row + from; i < row + from + count; i++)
      if (values[i]! > largest) largest = values[i]!;
      else if (Number.isNaN(values[i])) return NaN;
  return largest;
}

/** Joins many small results into few outputs. */
class Join {
  /** Pooled results [N, C, 1, 1] that can be joined, by first axis. */
  private readonly groups = new Map<
    string | number,
    { output: string; parts: string[]; width: number }
  >();
  private readonly scalars: string[] = [];
  private readonly scalarOutput: string;
  private shape: string | null = null;

  constructor(private readonly index: GraphIndex) {
    this.scalarOutput = index.freshName('vernier_extremes');
  }

  pooled(tensor: string, channels: number, batch: number | string | null | undefined): Place {
    const part = this.node('GlobalMaxPool', [tensor]);
    // An unknown first axis may be of any length: such results are joined with no other.
    const key = batch ?? `of ${tensor}`;
    let group = this.groups.get(key);
    if (!group) {
      group = { output: this.index.freshName('vernier_pooled'), parts: [], width: 0 };
      this.groups.set(key, group);
    }
    const place = { output: group.output, from: group.width, count: channels };
    group.parts.push(part);
    group.width += channels;
    return place;
  }

  reduced(op: 'ReduceMax' | 'ReduceMin' | 'ReduceMean', tensor: string, cast: boolean): Place {
    this.shape ??= this.index.addInitializer(
      makeTensor(this.index.freshName('vernier_shape'), 'int64', [2], BigInt64Array.of(1n, 1n)),
    );
    let scalar = this.node(op, [tensor], [makeInt('keepdims', 0)]);
    if (cast) scalar = this.node('Cast', [scalar], [makeInt('to', 1)]);
    this.scalars.push(this.node('Reshape', [scalar, this.shape]));
    return { output: this.scalarOutput, from: this.scalars.length - 1, count: 1 };
  }

  /** Adds the last nodes and returns the outputs. */
  finish(): string[] {
    const outputs: string[] = [];
    for (const { output, parts } of this.groups.values()) {
      this.node('Concat', parts, [makeInt('axis', 1)], output);
      outputs.push(output);
    }
    if (this.scalars.length > 0) {
      this.node('Concat', this.scalars, [makeInt('axis', 1)], this.scalarOutput);
      outputs.push(this.scalarOutput);
    }
    return outputs;
  }

  private node(
    opType: string,
    inputs: readonly string[],
    attributes: ReturnType<typeof makeInt>[] = [],
    output = this.index.freshName(`vernier_${opType}`),
  ): string {
    const name = this.index.freshName(`vernier_${opType}_node`);
    this.index.insertNode(makeNode({ opType, name, inputs, outputs: [output], attributes }));
    return output;
  }
}

/** Tensors that a convolution leaves in the blocked layout, and what is made of them there. */
function blockedTensors(nodes: readonly NodeProto[]): Set<string> {
  const found = new Set<string>();
  for (const node of nodes) {
    if (!isDefaultDomain(node.domain)) continue;
    const stays = BLOCKED.has(node.opType) && node.input.some((name) => found.has(name));
    if (node.opType === 'Conv' || stays) found.add(node.output[0]!);
  }
  return found;
}

/** True for an operator that leaves nothing below zero: Relu, and Clip at zero. */
export function startsAtZero(index: GraphIndex, node: NodeProto): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  if (node.opType === 'Relu') return true;
  if (node.opType !== 'Clip' || !node.input[1]) return false;
  const low = index.initializer(node.input[1]);
  return low !== undefined && low.dims.length === 0 && scalarIsZero(low);
}

function scalarIsZero({
  rawData,
  floatData,
}: {
  rawData: Uint8Array;
  floatData: number[];
}): boolean {
  return rawData.length > 0 ? rawData.every((byte) => byte === 0) : floatData[0] === 0;
}

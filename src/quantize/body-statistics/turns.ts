/** Values that go into single turns of Loop and Scan, by the operators' pages. */
import { intsAttribute, type NodeProto, type TensorValue } from '../../onnx';

/** The position along `axis` of a tensor, without that axis. */
export function sliceAt({ type, dims, data }: TensorValue, axis: number, at: number): TensorValue {
  const rest = dims.filter((_, i) => i !== axis);
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const step = dims[axis]! * inner;
  const out = data.slice(0, outer * inner);
  for (let o = 0; o < outer; o++) {
    const from = o * step + at * inner;
    out.set(data.subarray(from, from + inner) as never, o * inner);
  }
  return { type, dims: rest, data: out };
}

/** How a Scan goes over its inputs: how many states come before them, and each one's axis and direction. */
export function scanOf(node: NodeProto, scanned: number) {
  const states = node.input.length - scanned;
  const axes = intsAttribute(node, 'scan_input_axes') ?? [];
  const directions = intsAttribute(node, 'scan_input_directions') ?? [];
  return {
    states,
    /** What the k-th input gives in turn `t` of `turns`. */
    part: (value: TensorValue, k: number, t: number, turns: number): TensorValue =>
      sliceAt(value, axisOf(value, axes[k] ?? 0), directions[k] === 1 ? turns - 1 - t : t),
    /** Turns that an input asks for. */
    turns: (value: TensorValue, k: number): number => value.dims[axisOf(value, axes[k] ?? 0)]!,
  };
}

function axisOf({ dims }: TensorValue, axis: number): number {
  return axis < 0 ? axis + dims.length : axis;
}

/** A counter or a condition, as a scalar or with the axis of one that a body declares. */
export function scalar(value: bigint | boolean, rank: number): TensorValue {
  const dims = rank === 1 ? [1] : [];
  return typeof value === 'bigint'
    ? { type: 'int64', dims, data: BigInt64Array.of(value) }
    : { type: 'bool', dims, data: Uint8Array.of(Number(value)) };
}

/** Whether a condition holds. */
export function holds(value: TensorValue): boolean {
  return Number(value.data[0]) !== 0;
}

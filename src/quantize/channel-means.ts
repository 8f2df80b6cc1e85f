import { channelLayout } from '../numeric';
import { makeInts, makeNode, makeTensor, type GraphIndex } from '../onnx';
import type { Stored } from './node-runner';
import type { Unit } from './units';

/** Channel axis of a layer's own output: 1 for images, the last one otherwise. */
export function channelAxis(unit: Unit): number {
  return unit.op === 'Conv' ? 1 : -1;
}

/** Adds an output with the mean of every channel of `tensor`, the layer's own output or one like it. */
export function tapMeans(
  index: GraphIndex,
  unit: Unit,
  tensor: string,
  output: string,
  channels: number,
): void {
  const add = (opType: string, inputs: string[], result: string, perm?: number[]) => {
    index.insertNode(
      makeNode({
        opType,
        inputs,
        outputs: [result],
        attributes: perm ? [makeInts('perm', perm)] : [],
      }),
    );
    return result;
  };
  // GlobalAveragePool is an operator of every opset and stays in the blocked layout.
  let images = tensor;
  if (unit.op !== 'Conv') {
    const shape = index.addInitializer(
      makeTensor(
        index.freshName(`${output}.rows`),
        'int64',
        [3],
        BigInt64Array.of(1n, -1n, BigInt(channels)),
      ),
    );
    const rows = add('Reshape', [tensor, shape], index.freshName(`${output}.flat`));
    images = add('Transpose', [rows], index.freshName(`${output}.swapped`), [0, 2, 1]);
  }
  add('GlobalAveragePool', [images], output);
}

/** Means of `channels` channels from those of the rows of a batch, one row after the other. */
export function overRows(values: ArrayLike<number>, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) sums[i % channels] = sums[i % channels]! + values[i]!;
  return sums.map((sum) => (sum * channels) / values.length);
}

/** The mean of every channel along `axis` of a float32 tensor. */
export function channelMeans({ data, dims }: Stored, axis: number): Float64Array {
  const { outer, channels, inner } = channelLayout(dims, axis < 0 ? dims.length + axis : axis);
  const values = data as Float32Array;
  const sums = new Float64Array(channels);
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += values[at++]!;
      sums[c] = sums[c]! + sum;
    }
  return sums.map((s) => s / (outer * inner));
}

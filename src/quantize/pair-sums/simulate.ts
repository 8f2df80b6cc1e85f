import type { TensorValue } from '../../onnx';
import type { PairKernel } from './kernels';
import { forEachRow, windowOf } from './rows';
import { clips, pairSums } from './weights';

/** A kernel's result on x86 without VNNI. */
export interface Clipped {
  output: TensorValue;
  /** Values of the result in which at least one pair clipped, and all of them. */
  clipped: number;
  total: number;
}

/** Two activations whose sum is no more than this clip with no weights: 127 · 258 is within 16 bits. */
const HARMLESS = 258;

/** Sums of pairs in 16 bits, as x86 without VNNI has them, or in 32. */
export type PairArithmetic = 'clipped' | 'exact';

/**
 * What a kernel gives on x86 without VNNI, bit for bit, or with `exact` what it gives everywhere else. Only values in
 * which a pair clips are computed; the others are the same with either arithmetic, and are those of `native`.
 * @param inputs values by input slot (missing for constants), @param native its result on this machine
 */
export function clipPairs(
  kernel: PairKernel,
  inputs: readonly (TensorValue | undefined)[],
  native: TensorValue,
  arithmetic: PairArithmetic = 'clipped',
): Clipped {
  const { codes, params } = kernel.codesOf(inputs);
  const data = native.data.slice() as Uint8Array;
  const { weights, riskyAt, finish } = kernel;
  const { depth, channels } = weights;
  const row = new Uint8Array(depth);
  const done = new Uint32Array(channels);
  let [clipped, rows] = [0, 0];
  /** Looks at one row of activations and the channels of its group; `at` is where a channel's value stands. */
  const visit = (group: number, at: (channel: number) => number) => {
    rows++;
    const first = (group * depth) / 2;
    for (let k = 0; k < depth; k += 2) {
      if (row[k]! + row[k + 1]! <= HARMLESS) continue;
      for (const c of riskyAt[first + k / 2]!) {
        if (done[c] === rows || !clips(row, weights, c, k)) continue;
        done[c] = rows;
        clipped++;
        data[at(c)] = finish(pairSums(row, weights, c)[arithmetic], c, params);
      }
    }
  };
  if (kernel.form === 'conv') {
    const window = windowOf(kernel.node, inputs[0]!.dims, kernel.dims);
    const positions = window.output.reduce((a, b) => a * b, 1);
    forEachRow(codes, window, params.zeroPoint, row, (image, group, position) =>
      visit(group, (c) =>
        window.channelsLast
          ? (image * positions + position) * channels + c
          : (image * channels + c) * positions + position,
      ),
    );
  } else {
    const width = inputs[0]!.dims.at(-1)!;
    const columns = channels / kernel.stacked;
    const count = width > 0 ? codes.length / width : 0;
    for (let r = 0; r < count; r++) {
      row.set(codes.subarray(r * width, (r + 1) * width));
      const matrix = Math.floor(r / (count / kernel.stacked));
      visit(matrix, (c) => r * columns + (c % columns));
    }
  }
  return { output: { ...native, data }, clipped, total: data.length };
}

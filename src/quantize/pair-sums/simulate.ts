import type { TensorValue } from '../../onnx';
import type { PairKernel } from './kernels';
import { forEachRow, windowOf } from './rows';
import { anyClips, pairSums } from './weights';

/** A kernel's result on x86 without VNNI. */
export interface Clipped {
  output: TensorValue;
  /** Values of the result in which at least one pair clipped, and all of them. */
  clipped: number;
  total: number;
}

/** True where a kernel has a pair that can clip at all. */
export function canClip({ pairs }: PairKernel): boolean {
  return pairs.some((p) => p.length > 0);
}

/**
 * What a kernel gives on x86 without VNNI, bit for bit. Only values in which a pair really clips are computed again;
 * the others are those of the exact kernel.
 * @param inputs values by input slot (missing for constants), @param exact its result where nothing clips
 */
export function clipPairs(
  kernel: PairKernel,
  inputs: readonly TensorValue[],
  exact: TensorValue,
): Clipped {
  const { codes, params } = kernel.codesOf(inputs);
  const data = exact.data.slice() as Uint8Array;
  const { weights, pairs, finish } = kernel;
  const row = new Uint8Array(weights.depth);
  let clipped = 0;
  const visit = (channel: number, at: number) => {
    if (pairs[channel]!.length === 0 || !anyClips(row, weights, channel, pairs[channel]!)) return;
    clipped++;
    data[at] = finish(pairSums(row, weights, channel).clipped, channel, params);
  };
  if (kernel.form === 'conv') {
    const window = windowOf(kernel.node, inputs[0]!.dims, kernel.dims);
    const positions = window.output.reduce((a, b) => a * b, 1);
    const perGroup = weights.channels / window.group;
    forEachRow(codes, window, params.zeroPoint, row, (image, group, position) => {
      for (let c = group * perGroup; c < (group + 1) * perGroup; c++)
        visit(
          c,
          window.channelsLast
            ? (image * positions + position) * weights.channels + c
            : (image * weights.channels + c) * positions + position,
        );
    });
  } else {
    const depth = inputs[0]!.dims.at(-1)!;
    const columns = weights.channels / kernel.stacked;
    const rows = depth > 0 ? codes.length / depth : 0;
    const perMatrix = rows / kernel.stacked;
    for (let r = 0; r < rows; r++) {
      row.set(codes.subarray(r * depth, (r + 1) * depth));
      const matrix = kernel.stacked === 1 ? 0 : Math.floor(r / perMatrix);
      for (let c = 0; c < columns; c++) visit(matrix * columns + c, r * columns + c);
    }
  }
  return { output: { ...exact, data }, clipped, total: data.length };
}

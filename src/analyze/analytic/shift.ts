/** What rounding the weights of a layer does to the mean of its results. */
import { intAttribute, type NodeProto } from '../../onnx';
import { size } from './field';
import type { Kernel } from './kernels';

/**
 * What the means of the inputs make of the errors of a weight: a shift of every result's mean, by output channel; null for other
 * operators and shapes.
 */
export function meanErrors(
  node: NodeProto,
  { values, dims }: Kernel,
  means: (inputs: number) => ArrayLike<number>,
): Float64Array | null {
  if (node.opType === 'Conv') {
    const groups = intAttribute(node, 'group', 1);
    const [outputs, columns] = [dims[0]!, dims[1]!];
    const taps = size(dims.slice(2));
    const x = means(columns * groups);
    return Float64Array.from({ length: outputs }, (_, o) => {
      const from = Math.floor((o * groups) / outputs) * columns;
      let shift = 0;
      for (let c = 0; c < columns; c++)
        for (let t = 0; t < taps; t++)
          shift += values[(o * columns + c) * taps + t]! * x[from + c]!;
      return shift;
    });
  }
  if ((node.opType !== 'MatMul' && node.opType !== 'Gemm') || dims.length !== 2) return null;
  const transposed = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) !== 0;
  const [inputs, outputs] = transposed ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  const x = means(inputs);
  return Float64Array.from({ length: outputs }, (_, o) => {
    let shift = 0;
    for (let k = 0; k < inputs; k++)
      shift += values[transposed ? o * inputs + k : k * outputs + o]! * x[k]!;
    return shift;
  });
}

/** Squares of weights: how convolutions and products carry power forward, and gains of noise back. */
import { intAttribute, intsAttribute, type NodeProto } from '../../onnx';
import { size } from './field';

/** Sums of squared weights between every input and every output channel. */
export interface Squares {
  inputs: number;
  outputs: number;
  /** Power of the results from that of the inputs, one number a channel. */
  forward(inputs: ArrayLike<number>): Float64Array;
  /** Gains of the inputs from those of the results. */
  backward(outputs: ArrayLike<number>): Float64Array;
}

/** Weights, or errors of weights, with their shape. */
export interface Kernel {
  values: ArrayLike<number>;
  dims: readonly number[];
}

/**
 * The squares of a convolution, a Gemm or a MatMul; null for other operators and shapes.
 * @param coherent share of the noise that is the same at neighbouring places: of it the taps of a kernel add up before they
 *   are squared
 */
export function squaresOf(node: NodeProto, kernel: Kernel, coherent = 0): Squares | null {
  return carried(node, kernel, (squares, sum) => (1 - coherent) * squares + coherent * sum * sum);
}

/**
 * What weights make of means that are the same at all places, by output channel; null for other operators and shapes. With
 * strides, what a transposed convolution makes of them differs from place to place.
 */
export function shiftsOf(
  node: NodeProto,
  kernel: Kernel,
): Pick<Squares, 'inputs' | 'outputs' | 'forward'> | null {
  return node.opType === 'ConvTranspose' ? null : carried(node, kernel, (_, sum) => sum);
}

/** A number for every pair of channels, from the squares and from the sum of the weights between them. */
type Between = (squares: number, sum: number) => number;

function carried(node: NodeProto, kernel: Kernel, between: Between): Squares | null {
  if (/^Conv(Transpose)?$/.test(node.opType)) return ofConvolution(node, kernel, between);
  const product = node.opType === 'MatMul' || node.opType === 'Gemm';
  return product && kernel.dims.length === 2 ? ofProduct(node, kernel, between) : null;
}

/** W of a convolution is [M, C/group, k…], of a transposed one [C, M/group, k…]. */
function ofConvolution(node: NodeProto, { values, dims }: Kernel, between: Between): Squares {
  const transposed = node.opType === 'ConvTranspose';
  const groups = intAttribute(node, 'group', 1);
  const [rows, columns] = [dims[0]!, dims[1]!];
  const taps = size(dims.slice(2));
  const sums = new Float64Array(rows * columns);
  for (let i = 0; i < sums.length; i++) {
    let [squares, sum] = [0, 0];
    for (let t = i * taps; t < (i + 1) * taps; t++) {
      squares += values[t]! * values[t]!;
      sum += values[t]!;
    }
    sums[i] = between(squares, sum);
  }
  const perGroup = rows / groups;
  const pair = (row: number, column: number) => Math.floor(row / perGroup) * columns + column;
  const toColumns = (ofRows: ArrayLike<number>, factor: number) => {
    const out = new Float64Array(columns * groups);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        out[pair(r, c)]! += sums[r * columns + c]! * ofRows[r]! * factor;
    return out;
  };
  const toRows = (ofColumns: ArrayLike<number>, factor: number) => {
    const out = new Float64Array(rows);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        out[r]! += sums[r * columns + c]! * ofColumns[pair(r, c)]! * factor;
    return out;
  };
  // with strides, a value meets one tap of so many, and a result of a transposed convolution is fed by one
  const met = 1 / size(intsAttribute(node, 'strides') ?? []);
  const all = columns * groups;
  return transposed
    ? {
        ...{ inputs: rows, outputs: all },
        forward: (x) => toColumns(x, met),
        backward: (g) => toRows(g, 1),
      }
    : {
        ...{ inputs: all, outputs: rows },
        forward: (x) => toRows(x, 1),
        backward: (g) => toColumns(g, met),
      };
}

/** [K, N], or [N, K] where a Gemm transposes it. */
function ofProduct(node: NodeProto, { values, dims }: Kernel, between: Between): Squares {
  const transposed = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) !== 0;
  const [inputs, outputs] = transposed ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  const [alongK, alongN] = transposed ? [1, inputs] : [outputs, 1];
  const factor = (k: number, n: number) => {
    const weight = values[k * alongK + n * alongN]!;
    return between(weight * weight, weight);
  };
  return {
    inputs,
    outputs,
    forward: (x) => {
      const out = new Float64Array(outputs);
      for (let k = 0; k < inputs; k++)
        for (let n = 0; n < outputs; n++) out[n]! += factor(k, n) * x[k]!;
      return out;
    },
    backward: (g) => {
      const out = new Float64Array(inputs);
      for (let k = 0; k < inputs; k++)
        for (let n = 0; n < outputs; n++) out[k]! += factor(k, n) * g[n]!;
      return out;
    },
  };
}

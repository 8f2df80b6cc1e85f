/** Products with a constant weight matrix. */
import { floatAttribute, intAttribute, type NodeProto } from '../../onnx';
import { scalarFunction } from '../../quantize/scalar-functions';
import type { Net } from './net';
import { mapRows, type Products, type Sketch } from './sketch';

/** The weight of x · W, of K inputs and N results: W[k, n] is at k · alongK + n · alongN. */
export interface Weight {
  values: Float32Array;
  inputs: number;
  outputs: number;
  alongK: number;
  alongN: number;
  /** Gemm's alpha. */
  factor: number;
}

/** The weight matrix by which a MatMul or Gemm multiplies its first input from the right; null for other nodes. */
export function weightOf(net: Net, node: NodeProto): Weight | null {
  if (node.opType !== 'MatMul' && node.opType !== 'Gemm') return null;
  const kernel = net.constant(node.input[1]);
  if (kernel?.dims.length !== 2 || net.index.isConstant(node.input[0] ?? '')) return null;
  const gemm = node.opType === 'Gemm';
  if (gemm && intAttribute(node, 'transA', 0) !== 0) return null;
  const transposed = gemm && intAttribute(node, 'transB', 0) !== 0;
  const [rows, columns] = [kernel.dims[0]!, kernel.dims[1]!];
  return {
    ...{ values: kernel.values, factor: gemm ? floatAttribute(node, 'alpha', 1) : 1 },
    ...(transposed
      ? { inputs: columns, outputs: rows, alongK: 1, alongN: columns }
      : { inputs: rows, outputs: columns, alongK: columns, alongN: 1 }),
  };
}

/** How many weights the products of a graph have, and how wide the widest is. */
export function productsOf(net: Net): Products {
  const all = net.nodes.flatMap((node) => weightOf(net, node) ?? []);
  return {
    weights: all.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0),
    widest: Math.max(1, ...all.map(({ inputs, outputs }) => Math.max(inputs, outputs))),
  };
}

/** Results of products with constant weights, and of elementwise nodes behind them, in which their channels meet others. */
export function meetingsOf(net: Net): Set<string> {
  const found = new Set<string>();
  for (const node of net.nodes) {
    const [result] = node.output;
    const shape = net.dims(result ?? '')?.join();
    const meets = node.input.some((name) => found.has(name) && net.dims(name)?.join() === shape);
    if (weightOf(net, node) || (meets && scalarFunction(node))) found.add(result!);
  }
  return found;
}

/** Rows over the inputs, multiplied by the weight. */
export const rowsTimes = (sketch: Sketch, { inputs, outputs, alongK, alongN, ...w }: Weight) =>
  multiplied(sketch, w, [inputs, alongK], [outputs, alongN]);

/** Rows over the results, multiplied by the transposed weight. */
export const rowsBack = (sketch: Sketch, { inputs, outputs, alongK, alongN, ...w }: Weight) =>
  multiplied(sketch, w, [outputs, alongN], [inputs, alongK]);

type Axis = readonly [length: number, stride: number];

function multiplied(
  sketch: Sketch,
  { values, factor }: Pick<Weight, 'values' | 'factor'>,
  [length, step]: Axis,
  [results, apart]: Axis,
): Sketch {
  const grain = [...sketch.grain.slice(0, -1), results];
  return mapRows(sketch, grain, (row) => {
    const out = new Float64Array((row.length / length) * results);
    for (let from = 0, to = 0; from < row.length; from += length, to += results)
      if (step === 1) {
        for (let n = 0; n < results; n++) {
          let sum = 0;
          for (let k = 0, at = n * apart; k < length; k++, at++)
            sum += row[from + k]! * values[at]!;
          out[to + n] = sum * factor;
        }
      } else
        for (let k = 0; k < length; k++) {
          const x = row[from + k]! * factor;
          if (x === 0) continue;
          for (let n = 0, at = k * step; n < results; n++, at += apart)
            out[to + n]! += x * values[at]!;
        }
    return out;
  });
}

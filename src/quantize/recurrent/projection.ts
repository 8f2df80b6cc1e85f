import type { Scope } from './scope';

/** A constant matrix that a cell multiplies with, transposed from ONNX's order: [inputs, outputs]. */
export interface GateMatrix {
  /** E.g. `lstm/forward/W`. */
  name: string;
  /** Whether its left side is the layer's input or a hidden state. */
  side: 'input' | 'recurrent';
  inputs: number;
  outputs: number;
  values: Float32Array;
}

/**
 * How a cell's matrix products are computed: the one place where the precisions of a recurrent layer differ. Everything
 * else of the cell is float.
 */
export interface Projection {
  /**
   * Float product of `x` [time, batch, inputs] (or [batch, inputs]) with a matrix, plus `bias` [outputs] where given.
   */
  product(scope: Scope, x: string, matrix: GateMatrix, bias: Float32Array | null): string;
}

/** Adds a bias [outputs] to a product whose rank is `axes`. */
export function addBias(
  scope: Scope,
  product: string,
  matrix: GateMatrix,
  bias: Float32Array | null,
): string {
  if (!bias) return product;
  // As many axes as the product has, and Sum instead of Add in two: the runtime makes a float Gemm of MatMul and Add.
  const dims = matrix.side === 'input' ? [1, 1, bias.length] : [1, bias.length];
  const name = scope.floats(`${matrix.side}_bias`, dims, bias);
  return scope.node(matrix.side === 'input' ? 'Add' : 'Sum', [product, name]);
}

/** Matrix products in float: the form that must equal the operator itself. */
export const floatProjection: Projection = {
  product(scope, x, matrix, bias) {
    const { inputs, outputs, values } = matrix;
    const weight = scope.floats('weight', [inputs, outputs], values);
    return addBias(scope, scope.node('MatMul', [x, weight]), matrix, bias);
  },
};

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
  /** Float product of `x` [time, batch, inputs] with a matrix, plus `bias` [outputs] where given. */
  sequence(scope: Scope, x: string, matrix: GateMatrix, bias: Float32Array | null): string;
  /** Float product of `h` [batch, inputs] with a matrix, plus the tensor `addend` [batch, outputs]. */
  step(scope: Scope, h: string, matrix: GateMatrix, addend: string): string;
  /** True where the batch is one and `step` wants its addend as a row [outputs], which its kernel adds for nothing. */
  readonly takesRows: boolean;
}

/** Adds a bias [outputs] to a product of three axes. */
export function addBias(scope: Scope, product: string, bias: Float32Array | null): string {
  if (!bias) return product;
  // As many axes as the product has: the runtime would make a float Gemm of MatMul and Add of fewer.
  return scope.node('Add', [product, scope.floats('input_bias', [1, 1, bias.length], bias)]);
}

/** Adds what a step adds to its product: with Sum, since the runtime makes a float Gemm of MatMul and Add. */
export function addToStep(scope: Scope, product: string, addend: string): string {
  return scope.node('Sum', [addend, product]);
}

/** Matrix products in float: the form that must equal the operator itself. */
export const floatProjection: Projection = {
  takesRows: false,
  sequence: (scope, x, matrix, bias) => addBias(scope, floatProduct(scope, x, matrix), bias),
  step: (scope, h, matrix, addend) => addToStep(scope, floatProduct(scope, h, matrix), addend),
};

function floatProduct(scope: Scope, x: string, { inputs, outputs, values }: GateMatrix): string {
  return scope.node('MatMul', [x, scope.floats('weight', [inputs, outputs], values)]);
}

import type { Net } from './net';

/** Numbers of the `onnx::MatMul_…` names, which the exporter gives to transposed weights. */
const numbers = new WeakMap<Net, number>();

/** Linear on more than two axes: MatMul with the transposed weight, then Add of the bias, which comes first. */
export function linear(
  net: Net,
  scope: string,
  module: string,
  x: string,
  [from, to]: readonly [number, number],
  std: number | { tied: string },
  bias = true,
): string {
  const number = (numbers.get(net) ?? 1000) + 1;
  numbers.set(net, number);
  const weight = net.parameter(
    `onnx::MatMul_${number}`,
    [from, to],
    typeof std === 'number' ? { kind: 'normal', std } : { kind: 'transposed', of: std.tied },
    typeof std === 'number',
  );
  const product = net.node(scope, 'MatMul', [x, weight]);
  if (!bias) return product;
  const b = net.parameter(`${module}.bias`, [to], { kind: 'normal', std: 0.02 });
  return net.node(scope, 'Add', [b, product]);
}

/** Gain and shift of a LayerNorm. */
function affine(net: Net, module: string, width: number): [string, string] {
  return [
    net.parameter(`${module}.weight`, [width], { kind: 'gain', scale: 1, spread: 0.2 }),
    net.parameter(`${module}.bias`, [width], { kind: 'normal', std: 0.1 }),
  ];
}

/** LayerNorm as nine nodes: what exporters write below opset 17, and many still do. */
export function layerNormDecomposed(
  net: Net,
  scope: string,
  module: string,
  x: string,
  width: number,
): string {
  const [gain, shift] = affine(net, module, width);
  const mean = net.node(scope, 'ReduceMean', [x], { axes: [-1], keepdims: 1 });
  const centred = net.node(scope, 'Sub', [x, mean]);
  const square = net.node(scope, 'Pow', [centred, net.constant(scope, 2, 'float32')]);
  const variance = net.node(scope, 'ReduceMean', [square], { axes: [-1], keepdims: 1 });
  const sum = net.node(scope, 'Add', [variance, net.constant(scope, 1e-12, 'float32')]);
  const deviation = net.node(scope, 'Sqrt', [sum]);
  const normal = net.node(scope, 'Div', [centred, deviation]);
  return net.node(scope, 'Add', [net.node(scope, 'Mul', [normal, gain]), shift]);
}

/** LayerNorm as the one node that it is from opset 17 on. */
export function layerNorm(
  net: Net,
  scope: string,
  module: string,
  x: string,
  width: number,
): string {
  return net.node(scope, 'LayerNormalization', [x, ...affine(net, module, width)], {
    axis: -1,
    epsilon: { float: 1e-5 },
  });
}

/** GELU by the error function: `x · (1 + erf(x/√2)) / 2`. */
export function geluErf(net: Net, scope: string, x: string): string {
  const scaled = net.node(scope, 'Div', [x, net.constant(scope, Math.SQRT2, 'float32')]);
  const erf = net.node(scope, 'Erf', [scaled]);
  const sum = net.node(scope, 'Add', [erf, net.constant(scope, 1, 'float32')]);
  const product = net.node(scope, 'Mul', [x, sum]);
  return net.node(scope, 'Mul', [product, net.constant(scope, 0.5, 'float32')]);
}

/** GELU by tanh (GPT-2): `0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`. */
export function geluTanh(net: Net, scope: string, x: string): string {
  const number = (value: number) => net.constant(scope, value, 'float32');
  const half = net.node(scope, 'Mul', [x, number(0.5)]);
  const cube = net.node(scope, 'Pow', [x, number(3)]);
  const small = net.node(scope, 'Mul', [cube, number(0.044715)]);
  const sum = net.node(scope, 'Add', [x, small]);
  const inner = net.node(scope, 'Mul', [sum, number(Math.sqrt(2 / Math.PI))]);
  const tanh = net.node(scope, 'Tanh', [inner]);
  return net.node(scope, 'Mul', [half, net.node(scope, 'Add', [tanh, number(1)])]);
}

/** [batch, tokens, width] → [batch, heads, tokens, width / heads]. */
export function splitHeads(
  net: Net,
  scope: string,
  x: string,
  heads: number,
  width: number,
  perm: readonly number[] = [0, 2, 1, 3],
): string {
  const shape = net.constant(scope, [0, 0, heads, width / heads], 'int64');
  const split = net.node(scope, 'Reshape', [x, shape], { allowzero: 0 });
  return net.node(scope, 'Transpose', [split], { perm });
}

/** The other way round. */
export function mergeHeads(net: Net, scope: string, x: string, width: number): string {
  const turned = net.node(scope, 'Transpose', [x], { perm: [0, 2, 1, 3] });
  const shape = net.constant(scope, [0, 0, width], 'int64');
  return net.node(scope, 'Reshape', [turned, shape], { allowzero: 0 });
}

/** A lookup of token ids in a table. */
export function embedding(
  net: Net,
  scope: string,
  module: string,
  ids: string,
  dims: readonly [number, number],
): string {
  const table = net.parameter(`${module}.weight`, dims, { kind: 'normal', std: 0.02 });
  return net.node(scope, 'Gather', [table, ids]);
}

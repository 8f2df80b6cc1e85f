import { floatAttribute, isDefaultDomain, stringAttribute, type NodeProto } from '../onnx';

/** One value of a node's result from one value of each of its inputs; `NaN` where an input that it needs is missing. */
export type ScalarFunction = (inputs: readonly (number | undefined)[]) => number;

type Maker = (node: NodeProto) => ScalarFunction;

const unary =
  (f: (x: number) => number): Maker =>
  () =>
  ([x = NaN]) =>
    f(x);
const binary =
  (f: (a: number, b: number) => number): Maker =>
  () =>
  ([a = NaN, b = NaN]) =>
    f(a, b);
const all =
  (f: (values: number[]) => number): Maker =>
  () =>
  (inputs) =>
    f(inputs.map((x = NaN) => x));

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const hardSigmoid = (x: number, alpha: number, beta: number) =>
  Math.min(1, Math.max(0, alpha * x + beta));

/**
 * Complementary error function to a relative error of 1.2·10⁻⁷: a Chebyshev fit (Press et al., *Numerical Recipes*, §6.2).
 */
export function erfc(x: number): number {
  const z = Math.abs(x);
  const t = 1 / (1 + z / 2);
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const power = terms.reduceRight((sum, term) => sum * t + term, 0);
  const tail = t * Math.exp(-z * z + power);
  return x < 0 ? 2 - tail : tail;
}

const exactGelu = (x: number) => (x / 2) * erfc(-x / Math.SQRT2);
const tanhGelu = (x: number) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

const clip: Maker = (node) => {
  const [low, high] = [
    floatAttribute(node, 'min', -Infinity),
    floatAttribute(node, 'max', Infinity),
  ];
  return ([x = NaN, bottom, top]) => Math.min(Math.max(x, bottom ?? low), top ?? high);
};

const MAKERS: Readonly<Record<string, Maker>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => a ** b),
  Sum: all((values) => values.reduce((sum, x) => sum + x, 0)),
  Min: all((values) => Math.min(...values)),
  Max: all((values) => Math.max(...values)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Exp: unary(Math.exp),
  Erf: unary((x) => 1 - erfc(x)),
  Tanh: unary(Math.tanh),
  Sigmoid: unary(sigmoid),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Relu: unary((x) => Math.max(0, x)),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  HardSwish: unary((x) => x * hardSigmoid(x, 1 / 6, 0.5)),
  HardSigmoid: (node) => {
    const [alpha, beta] = [floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)];
    return ([x = NaN]) => hardSigmoid(x, alpha, beta);
  },
  LeakyRelu: (node) => {
    const slope = floatAttribute(node, 'alpha', 0.01);
    return ([x = NaN]) => (x < 0 ? slope * x : x);
  },
  Elu: (node) => {
    const alpha = floatAttribute(node, 'alpha', 1);
    return ([x = NaN]) => (x < 0 ? alpha * Math.expm1(x) : x);
  },
  Gelu: (node) => {
    const f = stringAttribute(node, 'approximate', 'none') === 'tanh' ? tanhGelu : exactGelu;
    return ([x = NaN]) => f(x);
  },
  Clip: clip,
};

const CONTRIB: Readonly<Record<string, Maker>> = {
  Gelu: unary(exactGelu),
  QuickGelu: (node) => {
    const alpha = floatAttribute(node, 'alpha', 1.702);
    return ([x = NaN]) => x * sigmoid(alpha * x);
  },
};

/**
 * What an elementwise operator makes of single values (https://onnx.ai/onnx/operators); null for every other operator.
 * Integer arithmetic is not told apart: ask for float32 tensors alone.
 */
export function scalarFunction(node: NodeProto): ScalarFunction | null {
  const makers = isDefaultDomain(node.domain)
    ? MAKERS
    : node.domain === 'com.microsoft'
      ? CONTRIB
      : {};
  return Object.hasOwn(makers, node.opType) ? makers[node.opType]!(node) : null;
}

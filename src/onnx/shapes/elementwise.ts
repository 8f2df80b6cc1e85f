/** Operators that work value by value. */
import { elementTypeName, type ElementType } from '../schema';
import { broadcast, UNKNOWN, value, type Dim, type Rule, type RuleNode, type Value } from './types';

/** Output like the first input. */
export const same: Rule = (n) => [value(n.input(0).type, n.input(0).shape)];

/** Like the first input, values too. */
const pass: Rule = (n) => [n.input(0)];

const UNARY =
  `Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Celu Cos Cosh Elu Erf Exp Gelu HardSigmoid HardSwish
  Hardmax LRN LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish PRelu Reciprocal Relu Round
  Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Swish Tan Tanh ThresholdedRelu Trilu CumSum CumProd
  InstanceNormalization GroupNormalization RMSNormalization ReverseSequence Scatter ScatterElements ScatterND
  TensorScatter RotaryEmbedding Clip Affine ImageScaler ParametricSoftplus ScaledTanh Scale SimplifiedLayerNormalization
  RandomNormalLike RandomUniformLike Bernoulli`.split(/\s+/);

const MICROSOFT_UNARY =
  `BiasGelu FastGelu QuickGelu Gelu BiasSplitGelu BiasAdd QLinearSigmoid QLinearLeakyRelu
  QLinearSoftmax Inverse RotaryEmbedding`.split(/\s+/);

/** Applies a function to known values, scalars broadcast; null where something is open. */
function data(
  inputs: readonly Value[],
  shape: Dim[] | null,
  f: (...x: number[]) => number,
  symbolic: (...x: Dim[]) => Dim = () => null,
): Dim[] | null {
  if (!shape || shape.length > 1 || inputs.some((v) => !v.data)) return null;
  const n = shape.length === 0 ? 1 : shape[0];
  if (typeof n !== 'number') return null;
  if (inputs.some((v) => v.data!.length !== 1 && v.data!.length !== n)) return null;
  return Array.from({ length: n }, (_, i) => {
    const x = inputs.map((v) => v.data![v.data!.length === 1 ? 0 : i] ?? null);
    return x.every((d): d is number => typeof d === 'number') ? f(...x) : symbolic(...x);
  });
}

/** True where the integer type's division cuts off. */
function isInteger(type: ElementType): boolean {
  return type.startsWith('int') || type.startsWith('uint');
}

type Binary = (a: number, b: number, type: ElementType) => number;

/** Shape of two operands; before opset 7 the first one's, if they broadcast at all. */
function pairShape(n: RuleNode): Dim[] | null {
  const [a, b] = [n.input(0).shape, n.input(1).shape];
  if (n.opset < 7 && n.attribute('broadcast')) return a;
  return broadcast(a, b);
}

function binary(f: Binary, symbolic?: (a: Dim, b: Dim) => Dim): Rule {
  return (n) => {
    const shape = pairShape(n);
    const type = n.input(0).type === 'undefined' ? n.input(1).type : n.input(0).type;
    return [
      value(
        type,
        shape,
        data(n.inputs, shape, (a, b) => f(a, b, type), symbolic),
      ),
    ];
  };
}

function comparison(f: (a: number, b: number) => boolean): Rule {
  return (n) => {
    const shape = pairShape(n);
    return [
      value(
        'bool',
        shape,
        data(n.inputs, shape, (a, b) => Number(f(a, b))),
      ),
    ];
  };
}

/** The neutral element leaves a symbol as it is: N · 1, N / 1, N + 0, N − 0. */
const neutral =
  (right: number, left?: number) =>
  (a: Dim, b: Dim): Dim =>
    b === right ? a : left !== undefined && a === left ? b : null;

const divide: Binary = (a, b, type) => (isInteger(type) ? Math.trunc(a / b) : a / b);

function unary(f: (x: number) => number): Rule {
  return (n) => {
    const { type, shape } = n.input(0);
    return [
      value(
        type,
        shape,
        data([n.input(0)], shape, (x) => f(x)),
      ),
    ];
  };
}

function variadic(f: (...x: number[]) => number): Rule {
  return (n) => {
    if (n.inputs.length === 0) return [];
    const shape = n.inputs.map((v) => v.shape).reduce(broadcast);
    return [value(n.input(0).type, shape, data(n.inputs, shape, f))];
  };
}

const sum = (...x: number[]) => x.reduce((a, b) => a + b, 0);

/** https://onnx.ai/onnx/operators/onnx__Where.html */
const where: Rule = (n) => {
  const shape = broadcast(broadcast(n.input(0).shape, n.input(1).shape), n.input(2).shape);
  const choose = (c: Dim, a: Dim, b: Dim): Dim => (typeof c === 'number' ? (c ? a : b) : null);
  return [
    value(
      n.input(1).type,
      shape,
      data(n.inputs, shape, (c, a, b) => (c ? a : b), choose),
    ),
  ];
};

const cast: Rule = (n) => {
  const to = n.attribute('to');
  const type = to && to.i !== 0n ? elementTypeName(Number(to.i)) : 'undefined';
  const { shape, data: values } = n.input(0);
  const whole = isInteger(type);
  return [
    value(
      type,
      shape,
      values?.map((d) => (typeof d === 'number' && whole ? Math.trunc(d) : d)),
    ),
  ];
};

const castLike: Rule = (n) => [value(n.input(1).type, n.input(0).shape)];
const toBool: Rule = (n) => [value('bool', n.input(0).shape)];

const dropout: Rule = (n) => {
  const { type, shape } = n.input(0);
  return [n.input(0), value(n.opset < 10 ? type : 'bool', shape)];
};

const qlinearBinary: Rule = (n) => [
  value(n.input(0).type, broadcast(n.input(0).shape, n.input(3).shape)),
];

const likeWithType: Rule = (n) => {
  const dtype = n.int('dtype', 0);
  return [value(dtype ? elementTypeName(dtype) : n.input(0).type, n.input(0).shape)];
};

export const elementwiseRules: Record<string, Rule> = {
  ...Object.fromEntries(UNARY.map((op) => [op, same])),
  ...Object.fromEntries(MICROSOFT_UNARY.map((op) => [`com.microsoft:${op}`, same])),
  Identity: pass,
  Neg: unary((x) => -x),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Add: binary((a, b) => a + b, neutral(0, 0)),
  Sub: binary((a, b) => a - b, neutral(0)),
  Mul: binary((a, b) => a * b, neutral(1, 1)),
  Div: binary(divide, neutral(1)),
  Mod: binary((a, b) => a - Math.floor(a / b) * b),
  Pow: binary((a, b) => a ** b, neutral(1)),
  BitShift: binary(() => NaN),
  BitwiseAnd: binary(() => NaN),
  BitwiseOr: binary(() => NaN),
  BitwiseXor: binary(() => NaN),
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  And: comparison((a, b) => a !== 0 && b !== 0),
  Or: comparison((a, b) => a !== 0 || b !== 0),
  Xor: comparison((a, b) => (a !== 0) !== (b !== 0)),
  Not: (n) => [
    value(
      'bool',
      n.input(0).shape,
      data([n.input(0)], n.input(0).shape, (x) => +!x),
    ),
  ],
  IsNaN: toBool,
  IsInf: toBool,
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Sum: variadic(sum),
  Mean: variadic((...x) => sum(...x) / x.length),
  Where: where,
  Cast: cast,
  CastLike: castLike,
  Dropout: dropout,
  RandomNormalLike: likeWithType,
  RandomUniformLike: likeWithType,
  Bernoulli: likeWithType,
  EyeLike: likeWithType,
  'com.microsoft:QLinearAdd': qlinearBinary,
  'com.microsoft:QLinearMul': qlinearBinary,
  OptionalHasElement: () => [value('bool', [])],
  StringConcat: (n) => [value('string', pairShape(n))],
  RegexFullMatch: toBool,
  StringNormalizer: () => [{ ...UNKNOWN, type: 'string' }],
};

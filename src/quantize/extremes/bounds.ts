/** Interval arithmetic over the operators of a network: what their results cannot leave, given what their inputs do not. */
import {
  floatAttribute,
  floatData,
  intAttribute,
  isDefaultDomain,
  stringAttribute,
  tensorType,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';

/** Every value is finite and lies in here. */
export interface Bounds {
  low: number;
  high: number;
}

/** Beyond this a float32 (3.4e38) may have overflowed on the way, in a sum of 10⁸ such values say. */
const LIMIT = 1e30;
/** More products are never added up for one value of a result. */
const MOST_TERMS = 2 ** 24;

/** What a rule may look at besides the bounds of the inputs. */
interface Context {
  node: NodeProto;
  /** By slot; null where nothing is known or nothing is given. */
  inputs: (Bounds | null)[];
  /** Products that are added up for one value of a result, at most. */
  terms: number;
}

type Rule = (context: Context) => Bounds | null;

const magnitude = ({ low, high }: Bounds) => Math.max(Math.abs(low), Math.abs(high));
const around = (size: number): Bounds => ({ low: -size, high: size });
const hull = (...all: Bounds[]): Bounds => ({
  low: Math.min(...all.map((b) => b.low)),
  high: Math.max(...all.map((b) => b.high)),
});
/** The hull of some of the inputs; nothing if one of them is not known. */
const hullOf = (inputs: readonly (Bounds | null | undefined)[]): Bounds | null =>
  inputs.length > 0 && inputs.every((b) => b) ? hull(...(inputs as Bounds[])) : null;

const first: Rule = ({ inputs }) => inputs[0] ?? null;
const withZero: Rule = ({ inputs }) => hullOf([inputs[0], point(0)]);
const within =
  (low: number, high: number): Rule =>
  ({ inputs }) =>
    inputs[0] ? { low, high } : null;
const monotone =
  (f: (x: number) => number): Rule =>
  ({ inputs }) =>
    inputs[0] ? { low: f(inputs[0].low), high: f(inputs[0].high) } : null;
const pair =
  (f: (a: Bounds, b: Bounds) => Bounds | null): Rule =>
  ({ inputs: [a, b] }) =>
    a && b ? f(a, b) : null;

function product(a: Bounds, b: Bounds): Bounds {
  const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return { low: Math.min(...corners), high: Math.max(...corners) };
}

/** Sums of products, and perhaps a bias. */
const products: Rule = ({ inputs: [a, b, c], terms }) =>
  a && b && c !== null
    ? around(magnitude(a) * magnitude(b) * terms + (c ? magnitude(c) : 0))
    : null;

function clip({ node, inputs }: Context): Bounds | null {
  const [x, low, high] = inputs;
  if (!x || (node.input[1] && !low) || (node.input[2] && !high)) return null;
  const bottom = low?.low ?? floatAttribute(node, 'min', -Infinity);
  const top = high?.high ?? floatAttribute(node, 'max', Infinity);
  const at = (v: number) => Math.min(Math.max(v, bottom), top);
  return { low: at(x.low), high: at(x.high) };
}

function power({ inputs: [base, exponent] }: Context): Bounds | null {
  if (!base || !exponent || exponent.low !== exponent.high) return null;
  const e = exponent.low;
  if (Number.isInteger(e) && e >= 1) {
    const [a, b] = [base.low ** e, base.high ** e];
    if (e % 2 === 1) return { low: a, high: b };
    return { low: base.low <= 0 && base.high >= 0 ? 0 : Math.min(a, b), high: Math.max(a, b) };
  }
  return base.low > 0 ? hull(...[base.low ** e, base.high ** e].map(point)) : null;
}

const point = (x: number): Bounds => ({ low: x, high: x });

const RULES: Readonly<Record<string, Rule>> = {
  // values go where they are, or are chosen
  ...Object.fromEntries(
    [
      ...['Identity', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice', 'Split'],
      ...['Expand', 'Tile', 'Gather', 'GatherElements', 'GatherND', 'DepthToSpace', 'Dropout'],
      ...['SpaceToDepth', 'MaxPool', 'GlobalMaxPool', 'GlobalAveragePool', 'ReduceMax'],
      ...['ReduceMin', 'ReduceMean'],
    ].map((op): [string, Rule] => [op, first]),
  ),
  AveragePool: withZero,
  Cast: ({ inputs, node }) => (intAttribute(node, 'to', 1) === 1 ? (inputs[0] ?? null) : null),
  Concat: ({ inputs }) => hullOf(inputs),
  Max: ({ inputs }) => hullOf(inputs),
  Min: ({ inputs }) => hullOf(inputs),
  Mean: ({ inputs }) => hullOf(inputs),
  Where: ({ inputs }) => hullOf(inputs.slice(1, 3)),
  Pad: ({ inputs, node }) => {
    if (stringAttribute(node, 'mode', 'constant') !== 'constant') return inputs[0] ?? null;
    const filling = node.input[2] ? inputs[2] : point(floatAttribute(node, 'value', 0));
    return hullOf([inputs[0], filling]);
  },
  Resize: ({ inputs, node }) =>
    stringAttribute(node, 'mode', 'nearest') === 'cubic' ||
    stringAttribute(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize'
      ? null
      : (inputs[0] ?? null),
  Upsample: first,
  // elementwise
  Relu: monotone((x) => Math.max(0, x)),
  Clip: clip,
  LeakyRelu: ({ inputs: [x], node }) => {
    const slope = floatAttribute(node, 'alpha', 0.01);
    return x ? hull(x, around(magnitude(x) * Math.abs(slope))) : null;
  },
  PRelu: pair((x, slope) => hull(x, around(magnitude(x) * magnitude(slope)))),
  Elu: ({ inputs: [x], node }) => hullOf([x, around(Math.abs(floatAttribute(node, 'alpha', 1)))]),
  Sigmoid: within(0, 1),
  HardSigmoid: within(0, 1),
  Softmax: within(0, 1),
  Tanh: within(-1, 1),
  Erf: within(-1, 1),
  Sin: within(-1, 1),
  Cos: within(-1, 1),
  Softsign: within(-1, 1),
  HardSwish: withZero,
  Gelu: withZero,
  Exp: monotone(Math.exp),
  Log: ({ inputs: [x] }) =>
    x && x.low > 0 ? hull(...[x.low, x.high].map(Math.log).map(point)) : null,
  Sqrt: ({ inputs: [x] }) =>
    x && x.low >= 0 ? { low: Math.sqrt(x.low), high: Math.sqrt(x.high) } : null,
  Abs: ({ inputs: [x] }) => (x ? { low: 0, high: magnitude(x) } : null),
  Neg: ({ inputs: [x] }) => (x ? { low: -x.high, high: -x.low } : null),
  Reciprocal: ({ inputs: [x] }) =>
    x && (x.low > 0 || x.high < 0) ? { low: 1 / x.high, high: 1 / x.low } : null,
  Pow: power,
  Add: pair((a, b) => ({ low: a.low + b.low, high: a.high + b.high })),
  Sub: pair((a, b) => ({ low: a.low - b.high, high: a.high - b.low })),
  Mul: pair(product),
  Div: pair((a, b) =>
    b.low > 0 || b.high < 0 ? product(a, { low: 1 / b.high, high: 1 / b.low }) : null,
  ),
  Sum: ({ inputs }) =>
    inputs.every((b) => b !== null)
      ? inputs.reduce((s, b) => ({ low: s.low + b.low, high: s.high + b.high }), point(0))
      : null,
  Conv: products,
  ConvTranspose: products,
  MatMul: products,
  Gemm: (context) => {
    const { node } = context;
    const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
    const found = products(context);
    return found && around(magnitude(found) * Math.max(1, Math.abs(alpha), Math.abs(beta)));
  },
  BatchNormalization: ({ inputs: [x, scale, bias, mean, variance], node }) => {
    if (!x || !scale || !bias || !mean || !variance || variance.low < 0) return null;
    const least = variance.low + floatAttribute(node, 'epsilon', 1e-5);
    return around(
      ((magnitude(x) + magnitude(mean)) * magnitude(scale)) / Math.sqrt(least) + magnitude(bias),
    );
  },
};

/** A rule book for one graph; what is read from constants is remembered. */
export class BoundsRules {
  private readonly constants = new Map<string, Bounds | null>();

  constructor(
    private readonly index: GraphIndex,
    private readonly dir: string | null,
  ) {}

  /** Bounds of the results of a node; null where nothing is known or a float32 might overflow. */
  of(node: NodeProto, boundsOf: (tensor: string) => Bounds | null): Bounds | null {
    const rule = isDefaultDomain(node.domain) ? RULES[node.opType] : undefined;
    if (!rule) return null;
    const given = node.input.findLastIndex((name) => name !== '');
    const inputs = node.input
      .slice(0, given + 1)
      .map((name) => this.constant(name) ?? (name === '' ? null : boundsOf(name)));
    const found = rule({ node, inputs, terms: this.terms(node) });
    return found && Math.max(-found.low, found.high) <= LIMIT ? found : null;
  }

  /** A weight has at least as many values as are added up with it. */
  private terms(node: NodeProto): number {
    const sizes = node.input.slice(0, 2).flatMap((name) => {
      const dims = this.index.initializer(name)?.dims;
      return dims ? [dims.reduce((product, dim) => product * Number(dim), 1)] : [];
    });
    return Math.min(MOST_TERMS, ...sizes);
  }

  /** Bounds of a constant; undefined for what is none. */
  private constant(name: string): Bounds | null | undefined {
    const known = this.constants.get(name);
    if (known !== undefined) return known;
    const tensor = this.index.initializer(name);
    if (!tensor) return undefined;
    let bounds: Bounds | null = null;
    if (tensorType(tensor) === 'float32') {
      const values = floatData(tensor, this.dir);
      let [low, high] = [Infinity, -Infinity];
      let fine = values.length > 0;
      for (const x of values) {
        if (x - x !== 0) fine = false;
        if (x < low) low = x;
        if (x > high) high = x;
      }
      bounds = fine ? { low, high } : null;
    }
    this.constants.set(name, bounds);
    return bounds;
  }
}

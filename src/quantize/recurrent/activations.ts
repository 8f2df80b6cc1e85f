import {
  attribute,
  floatsAttribute,
  makeFloat,
  type AttributeProto,
  type NodeProto,
} from '../../onnx';
import type { CellOperator } from './gates';
import type { Scope } from './scope';

/** One activation function of a recurrent node with its parameters. */
export interface Activation {
  name: ActivationName;
  alpha: number;
  beta: number;
}

type ActivationName =
  | 'relu'
  | 'tanh'
  | 'sigmoid'
  | 'affine'
  | 'leakyrelu'
  | 'thresholdedrelu'
  | 'scaledtanh'
  | 'hardsigmoid'
  | 'elu'
  | 'softsign'
  | 'softplus';

/** Parameters that a function takes, each with its default; null has none that ONNX states. */
const PARAMETERS: Record<ActivationName, { alpha?: number | null; beta?: number | null }> = {
  relu: {},
  tanh: {},
  sigmoid: {},
  softsign: {},
  softplus: {},
  affine: { alpha: null, beta: null },
  leakyrelu: { alpha: 0.01 },
  thresholdedrelu: { alpha: null },
  scaledtanh: { alpha: null, beta: null },
  hardsigmoid: { alpha: 0.2, beta: 0.5 },
  elu: { alpha: 1 },
};

const DEFAULTS: Record<CellOperator, readonly ActivationName[]> = {
  LSTM: ['sigmoid', 'tanh', 'tanh'],
  GRU: ['sigmoid', 'tanh'],
  RNN: ['tanh'],
};

/**
 * The activation functions of a node by direction, or the reason why they cannot be had. Values of `activation_alpha` and
 * `activation_beta` are taken in order by the functions that have such a parameter.
 */
export function readActivations(
  node: NodeProto,
  op: CellOperator,
  directions: number,
): Activation[][] | string {
  const written = attribute(node, 'activations')?.strings.map((s) => new TextDecoder().decode(s));
  const each = DEFAULTS[op].length;
  const names = written?.length
    ? written
    : Array.from({ length: directions }, () => DEFAULTS[op]).flat();
  if (names.length !== each * directions)
    return `it names ${names.length} activations where ${each * directions} are due`;
  const alphas = floatsAttribute(node, 'activation_alpha') ?? [];
  const betas = floatsAttribute(node, 'activation_beta') ?? [];
  const all: Activation[] = [];
  for (const written of names) {
    const name = written.toLowerCase();
    if (!Object.hasOwn(PARAMETERS, name)) return `no operator computes its activation '${written}'`;
    const parameters = PARAMETERS[name as ActivationName];
    const take = (list: number[], fallback: number | null | undefined) =>
      fallback === undefined ? 0 : (list.shift() ?? fallback);
    const [alpha, beta] = [take(alphas, parameters.alpha), take(betas, parameters.beta)];
    if (alpha === null || beta === null)
      return `its activation '${written}' lacks a parameter that has no default`;
    all.push({ name: name as ActivationName, alpha, beta });
  }
  return Array.from({ length: directions }, (_, d) => all.slice(d * each, (d + 1) * each));
}

/** Writes an activation function as nodes and returns its result. */
export function writeActivation(scope: Scope, { name, alpha, beta }: Activation, x: string) {
  const node = (op: string, ...attributes: AttributeProto[]) => scope.node(op, [x], attributes);
  switch (name) {
    case 'relu':
      return node('Relu');
    case 'tanh':
      return node('Tanh');
    case 'sigmoid':
      return node('Sigmoid');
    case 'softsign':
      return node('Softsign');
    case 'softplus':
      return node('Softplus');
    case 'leakyrelu':
      return node('LeakyRelu', makeFloat('alpha', alpha));
    case 'thresholdedrelu':
      return node('ThresholdedRelu', makeFloat('alpha', alpha));
    case 'elu':
      return node('Elu', makeFloat('alpha', alpha));
    case 'hardsigmoid':
      return node('HardSigmoid', makeFloat('alpha', alpha), makeFloat('beta', beta));
    case 'affine': {
      const scaled = scope.node('Mul', [x, scope.scalar(alpha)]);
      return scope.node('Add', [scaled, scope.scalar(beta)]);
    }
    case 'scaledtanh': {
      const inner = scope.node('Mul', [x, scope.scalar(beta)]);
      return scope.node('Mul', [scope.node('Tanh', [inner]), scope.scalar(alpha)]);
    }
  }
}

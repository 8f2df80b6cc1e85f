/** Add, Sub and Mul of two tensors, or of a tensor and a constant. */
import type { NodeProto } from '../../../onnx';
import { pairBounds, type Bounds } from '../sums';
import { OPEN, type Constant, type Made, type ReadState } from './state';

const OPERATIONS = { Add: 'add', Sub: 'subtract', Mul: 'multiply' } as const;

/** @param inputs tensors of codes by slot; null for a slot that holds none */
export function readPair(
  state: ReadState,
  node: NodeProto,
  inputs: readonly (string | null)[],
): Made | null {
  const op = OPERATIONS[node.opType as keyof typeof OPERATIONS];
  const [a, b] = inputs;
  if (!a && !b) return null;
  const at = a ? 1 : 0;
  const constant = a && b ? null : state.constants.get(node.input[at]!);
  if (constant === undefined || (constant && !isOperand(constant))) return null;
  const fractions = [0, 1].map((i) =>
    constant && i === at ? -constant.exponents[0]! : state.fraction(inputs[i]!),
  ) as [number, number];
  const common = Math.max(...fractions);
  const align: [number, number] =
    op === 'multiply' ? [0, 0] : [common - fractions[0], common - fractions[1]];
  const bounds = [0, 1].map((i) =>
    shifted(constant && i === at ? extremes(constant.codes) : state.codes(inputs[i]!), align[i]!),
  ) as [Bounds, Bounds];
  const shape = state.shapeOf(node.output[0]!, node);
  return {
    step: {
      op,
      name: state.nameOf(node),
      inputs: inputs.filter((t): t is string => t !== null),
      output: '',
      dims: shape,
      requantize: null,
      sum: pairBounds(op, ...bounds),
      sumFraction: op === 'multiply' ? fractions[0] + fractions[1] : common,
      constant: constant && {
        codes: constant.codes as Int8Array,
        shape: constant.dims,
        fraction: fractions[at],
        first: at === 0,
      },
      align,
    },
    shape,
    ...OPEN,
  };
}

function isOperand({ codes, exponents }: Constant): boolean {
  return codes instanceof Int8Array && exponents.length === 1;
}

function shifted({ low, high }: Bounds, by: number): Bounds {
  return { low: low * 2 ** by, high: high * 2 ** by };
}

function extremes(codes: ArrayLike<number>): Bounds {
  const bounds = { low: Infinity, high: -Infinity };
  for (let i = 0; i < codes.length; i++) {
    bounds.low = Math.min(bounds.low, codes[i]!);
    bounds.high = Math.max(bounds.high, codes[i]!);
  }
  return bounds;
}

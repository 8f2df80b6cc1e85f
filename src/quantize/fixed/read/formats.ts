/** Where sums get a format, enter from outside and leave for it. */
import { nodeReads, type NodeProto } from '../../../onnx';
import { codesOf } from '../format';
import type { FixedStep, Requantize } from '../program';
import { bitsOf, roundReal } from '../sums';
import type { Made, ReadState } from './state';

/** Bits of activations. */
const BITS = 8;

/** A tensor that the outside quantizes. */
export function enter(
  state: ReadState,
  codes: string,
  stands: string,
  fraction: number,
  node: NodeProto,
): void {
  state.tensors.set(codes, {
    name: codes,
    stands,
    shape: state.shapeOf(stands, node),
    format: { bits: BITS, fraction },
    codes: codesOf(BITS),
    role: 'input',
  });
}

/** Gives a sum a format: from here on it is codes. */
export function finish(
  state: ReadState,
  { step, shape, low, high }: Made,
  codes: string,
  stands: string,
  fraction: number,
): void {
  const { sumFraction } = step;
  const shift =
    typeof sumFraction === 'number'
      ? sumFraction - fraction
      : sumFraction.map((own) => own - fraction);
  const range = codesOf(BITS);
  const code = (bound: number, otherwise: number) =>
    Number.isFinite(bound)
      ? Math.max(range.low, Math.min(range.high, roundReal(bound, fraction)))
      : otherwise;
  const requantize: Requantize = {
    shift,
    low: code(low, range.low),
    high: code(high, range.high),
  };
  state.tensors.set(codes, {
    name: codes,
    stands,
    shape,
    format: { bits: BITS, fraction },
    codes: { low: requantize.low, high: requantize.high },
    role: 'inner',
  });
  state.steps.push(withOwnShift({ ...step, output: codes, requantize }, fraction));
}

/** A shift is folded into the steps whose parts have shifts of their own, or that divide anyway. */
function withOwnShift(step: FixedStep, fraction: number): FixedStep {
  if (step.op === 'concat')
    return { ...step, sumFraction: fraction, shifts: step.shifts.map((s) => s - fraction) };
  if (step.op !== 'average-pool') return step;
  const shift = step.requantize!.shift as number;
  return {
    ...step,
    scale: Math.max(0, -shift),
    divisor: step.divisor * 2 ** Math.max(0, shift),
  };
}

/** A tensor that the outside reads: codes as they are, or a sum as it is. */
export function leave(state: ReadState, stands: string): void {
  const known = state.known.get(stands);
  if (known !== undefined) {
    const tensor = state.tensors.get(known)!;
    if (tensor.role === 'inner') tensor.role = 'output';
    return;
  }
  const waiting = state.pending.get(stands);
  if (!waiting || state.tensors.has(stands)) return;
  const { step, shape, nodes } = waiting;
  const requantize = clampOfSum(waiting);
  const movedChannels = typeof step.sumFraction !== 'number' && shape !== step.dims;
  if (
    requantize === undefined ||
    movedChannels ||
    step.op === 'average-pool' ||
    step.op === 'concat'
  ) {
    // its result is no sum of codes: the host makes it
    nodes.forEach((node) => stayOnHost(state, node));
    return;
  }
  const codes = {
    low: Math.max(step.sum.low, requantize?.low ?? -Infinity),
    high: Math.min(step.sum.high, requantize?.high ?? Infinity),
  };
  state.tensors.set(stands, {
    name: stands,
    stands,
    shape,
    format: { bits: bitsOf(step.sum), fraction: step.sumFraction },
    codes,
    role: 'output',
  });
  state.steps.push({ ...step, output: stands, requantize });
}

/** How a sum without a format is clamped; undefined where a bound is none of its codes. */
function clampOfSum({ step, low, high }: Made): Requantize | null | undefined {
  if (low === -Infinity && high === Infinity) return null;
  const { sumFraction } = step;
  const code = (bound: number): number =>
    Number.isFinite(bound) && bound !== 0
      ? bound * (typeof sumFraction === 'number' ? 2 ** sumFraction : NaN)
      : bound;
  const [lowest, highest] = [code(low), code(high)];
  const isCode = (c: number) => (!Number.isFinite(c) ? !Number.isNaN(c) : Number.isInteger(c));
  return isCode(lowest) && isCode(highest) ? { shift: 0, low: lowest, high: highest } : undefined;
}

/** A node that stays in float: codes leave for it. */
export function stayOnHost(state: ReadState, node: NodeProto): void {
  if (state.outside.has(node)) return;
  state.outside.add(node);
  const reads = [...nodeReads(node)];
  for (const name of reads) leave(state, name);
  // arithmetic on shapes is no work of the host at run time
  if (node.output.every((o) => ['int64', 'bool'].includes(state.shapes.get(o)?.type ?? ''))) return;
  state.host.push({
    name: state.nameOf(node),
    op: node.opType,
    inputs: reads.filter((name) => !state.index.isConstant(name)),
    outputs: node.output.filter((o) => o !== ''),
  });
}

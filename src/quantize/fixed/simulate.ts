/** Runs a program in fixed point, with integers alone. */
import { forEachRow, type Window } from '../pair-sums/rows';
import { clamp, divideRounded, shiftRight } from './format';
import type {
  ConcatStep,
  ConvStep,
  FixedProgram,
  FixedStep,
  FixedTensor,
  MatrixStep,
  PairStep,
  PoolStep,
  Requantize,
} from './program';

/** Codes (or sums) of tensors by name. */
export type FixedValues = Map<string, Float64Array>;

/** Sees every whole sum of a layer before it is shifted. */
export type OnSum = (sum: number) => void;

const UNSEEN: OnSum = () => undefined;

/**
 * Runs all steps on the codes of the inputs that are given; steps that wait for others of the host are left out. Returns
 * what was computed, inputs included.
 * @throws RangeError where an input has another size than its shape
 */
export function runFixed(
  program: FixedProgram,
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): FixedValues {
  const tensors = new Map(program.tensors.map((t) => [t.name, t]));
  const values: FixedValues = new Map();
  for (const [name, codes] of inputs) {
    const size = sizeOf(tensors.get(name)!);
    if (codes.length !== size)
      throw new RangeError(`'${name}' has ${codes.length} codes, not ${size}.`);
    values.set(name, Float64Array.from(codes));
  }
  for (const step of program.steps) {
    const own = step.inputs.map((name) => values.get(name));
    if (own.some((v) => v === undefined)) continue;
    values.set(step.output, runStep(step, own as Float64Array[], tensors));
  }
  return values;
}

/** One step on the codes of its inputs. */
export function runStep(
  step: FixedStep,
  inputs: readonly Float64Array[],
  tensors: ReadonlyMap<string, FixedTensor>,
  onSum: OnSum = UNSEEN,
): Float64Array {
  const [input] = inputs as [Float64Array];
  const shape = tensors.get(step.inputs[0]!)!.shape;
  const out = step.dims;
  switch (step.op) {
    case 'conv':
      return conv(step, input, shape, out, onSum);
    case 'matrix':
      return matrix(step, input, onSum);
    case 'add':
    case 'subtract':
    case 'multiply':
      return pair(
        step,
        inputs,
        step.inputs.map((name) => tensors.get(name)!.shape),
        out,
        onSum,
      );
    case 'concat':
      return concat(
        step,
        inputs,
        step.inputs.map((name) => tensors.get(name)!.shape),
        out,
      );
    case 'max-pool':
    case 'average-pool':
      return pool(step, input, shape, out, onSum);
    case 'table': {
      const middle = step.table.length / 2;
      return input.map((code) => bounded(step.table[code + middle]!, step.requantize));
    }
    case 'move':
      return Float64Array.from(step.source, (from) =>
        requantized(from < 0 ? 0 : input[from]!, step.requantize, 0),
      );
    case 'view':
    case 'requantize':
      return input.map((code) => requantized(code, step.requantize, 0));
  }
}

/** A sum as a code: shift, round half to even, clamp; the sum itself where it has no format. */
function requantized(sum: number, to: Requantize | null, channel: number): number {
  if (!to) return sum;
  const shift = typeof to.shift === 'number' ? to.shift : to.shift[channel]!;
  return clamp(shiftRight(sum, shift), to.low, to.high);
}

function bounded(code: number, to: Requantize | null): number {
  return to ? clamp(code, to.low, to.high) : code;
}

function conv(
  step: ConvStep,
  input: Float64Array,
  shape: number[],
  out: number[],
  onSum: OnSum,
): Float64Array {
  const { weights, bias, channels, group, requantize } = step;
  const depth = weights.length / channels;
  const perGroup = channels / group;
  const positions = out.slice(2).reduce((a, b) => a * b, 1);
  const result = new Float64Array(out[0]! * channels * positions);
  const row = new Int32Array(depth);
  const window: Window = { ...windowFor(step, shape, out), channels: shape[1]!, group };
  forEachRow(Int32Array.from(input), window, 0, row, (image, g, position) => {
    for (let c = g * perGroup; c < (g + 1) * perGroup; c++) {
      let sum = bias ? bias[c]! : 0;
      for (let k = 0, w = c * depth; k < depth; k++, w++) sum += row[k]! * weights[w]!;
      onSum(sum);
      result[(image * channels + c) * positions + position] = requantized(sum, requantize, c);
    }
  });
  return result;
}

function matrix(step: MatrixStep, input: Float64Array, onSum: OnSum): Float64Array {
  const { weights, bias, rows, depth, columns, requantize } = step;
  const result = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = bias ? bias[c]! : 0;
      for (let k = 0; k < depth; k++) sum += input[r * depth + k]! * weights[c * depth + k]!;
      onSum(sum);
      result[r * columns + c] = requantized(sum, requantize, c);
    }
  return result;
}

function pair(
  { op, constant, align, requantize }: PairStep,
  inputs: readonly Float64Array[],
  shapes: readonly number[][],
  out: number[],
  onSum: OnSum,
): Float64Array {
  const values: ArrayLike<number>[] = [...inputs];
  const dims = [...shapes];
  if (constant) {
    values.splice(constant.first ? 0 : 1, 0, constant.codes);
    dims.splice(constant.first ? 0 : 1, 0, constant.shape);
  }
  const [a, b] = values as [ArrayLike<number>, ArrayLike<number>];
  const [atA, atB] = dims.map((d) => broadcast(d, out)) as [Int32Array, Int32Array];
  const result = new Float64Array(out.reduce((x, y) => x * y, 1));
  for (let i = 0; i < result.length; i++) {
    const x = a[atA[i]!]! * 2 ** align[0];
    const y = b[atB[i]!]! * 2 ** align[1];
    const sum = op === 'add' ? x + y : op === 'subtract' ? x - y : x * y;
    onSum(sum);
    result[i] = requantized(sum, requantize, 0);
  }
  return result;
}

/** Place in an operand for every place of the result (numpy's broadcasting). */
export function broadcast(shape: readonly number[], out: readonly number[]): Int32Array {
  const size = out.reduce((a, b) => a * b, 1);
  const places = new Int32Array(size);
  const skip = out.length - shape.length;
  for (let i = 0; i < size; i++) {
    let [rest, place, step] = [i, 0, 1];
    for (let axis = out.length - 1; axis >= 0; axis--) {
      const at = rest % out[axis]!;
      rest = Math.floor(rest / out[axis]!);
      const own = axis >= skip ? shape[axis - skip]! : 1;
      if (axis < skip) continue;
      place += (own === 1 ? 0 : at) * step;
      step *= own;
    }
    places[i] = place;
  }
  return places;
}

function concat(
  { axis, shifts, requantize }: ConcatStep,
  inputs: readonly Float64Array[],
  shapes: readonly number[][],
  out: number[],
): Float64Array {
  const result = new Float64Array(out.reduce((a, b) => a * b, 1));
  const inner = out.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = out.slice(0, axis).reduce((a, b) => a * b, 1);
  let at = 0;
  inputs.forEach((values, i) => {
    const run = shapes[i]![axis]! * inner;
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < run; k++) {
        const code = shiftRight(values[o * run + k]!, shifts[i]!);
        result[o * out[axis]! * inner + at + k] = bounded(code, requantize);
      }
    at += run;
  });
  return result;
}

function pool(
  step: PoolStep,
  input: Float64Array,
  shape: number[],
  out: number[],
  onSum: OnSum,
): Float64Array {
  const { op, kernel, requantize, divisor, scale } = step;
  const channels = shape[1]!;
  const positions = out.slice(2).reduce((a, b) => a * b, 1);
  const result = new Float64Array(out[0]! * channels * positions);
  const row = new Int32Array(kernel.reduce((a, b) => a * b, 1));
  const window: Window = { ...windowFor(step, shape, out), channels, group: channels };
  const padding = op === 'max-pool' ? LOWEST : 0;
  forEachRow(Int32Array.from(input), window, padding, row, (image, c, position) => {
    let value = op === 'max-pool' ? LOWEST : 0;
    for (const x of row) value = op === 'max-pool' ? Math.max(value, x) : value + x;
    if (op === 'average-pool') onSum(value);
    result[(image * channels + c) * positions + position] =
      op === 'max-pool'
        ? requantized(value, requantize, 0)
        : bounded(divideRounded(value * 2 ** scale, divisor), requantize);
  });
  return result;
}

/** Below every code. */
const LOWEST = -(2 ** 31);

function windowFor(
  step: Pick<ConvStep, 'kernel' | 'strides' | 'dilations' | 'begin'>,
  shape: readonly number[],
  out: readonly number[],
): Omit<Window, 'channels' | 'group'> {
  return {
    batch: shape[0]!,
    input: shape.slice(2),
    output: out.slice(2),
    kernel: step.kernel,
    strides: step.strides,
    dilations: step.dilations,
    begin: step.begin,
    channelsLast: false,
  };
}

function sizeOf({ shape }: FixedTensor): number {
  return shape.reduce((a, b) => a * b, 1);
}

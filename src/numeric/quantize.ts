import { channelLayout } from './channels';
import { channelRange } from './moments';
import {
  chooseParams,
  codeRange,
  type ChosenParams,
  type ParamOptions,
  type QuantParams,
  type QuantType,
} from './params';
import { roundHalfEven } from './round';

export { roundHalfEven } from './round';
export { chooseParams, codeRange };
export { powerOfTwo, SMALLEST_SCALE } from './params';
export type { ChosenParams, ParamOptions, QuantParams, QuantType };
export type { RangeOddity } from './params';

/** The array that holds codes of each type. */
export interface CodeArrays {
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  int32: Int32Array;
}

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
};

/** Any array of codes. */
export type CodeArray = CodeArrays[QuantType];

/** An array for `length` codes of a type, all zero. */
export function codeArray<T extends QuantType>(type: T, length: number): CodeArrays[T] {
  return new arrays[type](length) as CodeArrays[T];
}

/**
 * `q = clamp(round_half_even(x / scale) + zeroPoint)`, the division in float32 as the runtime does it
 * (https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html). Infinities become the outermost codes; a NaN becomes the
 * code of zero: whoever may have NaNs counts them first. `options` narrow the codes (symmetric, bits).
 */
export function quantizeArray<T extends QuantType>(
  values: ArrayLike<number>,
  { scale, zeroPoint }: QuantParams,
  type: T,
  options: ParamOptions = {},
): CodeArrays[T] {
  const out = codeArray(type, values.length);
  quantizeRun(values, out, 0, values.length, scale, zeroPoint, codeRange(type, options));
  return out;
}

/**
 * The same with a scale and zero point for every channel along `axis` (a QuantizeLinear with `axis`).
 * @throws RangeError if `dims`, `axis` and the number of parameters do not fit the values.
 */
export function quantizePerChannel<T extends QuantType>(
  values: ArrayLike<number>,
  dims: readonly number[],
  axis: number,
  params: readonly QuantParams[],
  type: T,
  options: ParamOptions = {},
): CodeArrays[T] {
  const out = codeArray(type, values.length);
  const codes = codeRange(type, options);
  forEachRun(values.length, dims, axis, params, (from, to, { scale, zeroPoint }) => {
    quantizeRun(values, out, from, to, scale, zeroPoint, codes);
  });
  return out;
}

/** `y = (q − zeroPoint)·scale`, rounded to float32 (https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html). */
export function dequantize(
  codes: ArrayLike<number>,
  { scale, zeroPoint }: QuantParams,
): Float32Array {
  const out = new Float32Array(codes.length);
  for (let i = 0; i < out.length; i++) out[i] = (codes[i]! - zeroPoint) * scale;
  return out;
}

/** The same with parameters for every channel along `axis`. @throws RangeError as {@link quantizePerChannel}. */
export function dequantizePerChannel(
  codes: ArrayLike<number>,
  dims: readonly number[],
  axis: number,
  params: readonly QuantParams[],
): Float32Array {
  const out = new Float32Array(codes.length);
  forEachRun(codes.length, dims, axis, params, (from, to, { scale, zeroPoint }) => {
    for (let i = from; i < to; i++) out[i] = (codes[i]! - zeroPoint) * scale;
  });
  return out;
}

/**
 * Parameters for every channel of a weight from its own extremes, in channel order. A channel of zeros
 * gets scale 1 and says so in its `oddity`.
 * @throws RangeError if `dims` or `axis` do not fit the values.
 */
export function chooseChannelParams(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
  type: QuantType,
  options: ParamOptions = {},
): ChosenParams[] {
  const { min, max } = channelRange(values, dims, axis);
  return Array.from(min, (low, c) => chooseParams(low, max[c]!, type, options));
}

/** What a tensor becomes by being quantized and dequantized: the values that the quantized model computes with. */
export function fakeQuantize(
  values: Float32Array,
  params: QuantParams,
  type: QuantType,
  options: ParamOptions = {},
): Float32Array {
  return dequantize(quantizeArray(values, params, type, options), params);
}

function quantizeRun(
  values: ArrayLike<number>,
  out: CodeArray,
  from: number,
  to: number,
  scale: number,
  zeroPoint: number,
  codes: { min: number; max: number },
): void {
  const [low, high] = [codes.min - zeroPoint, codes.max - zeroPoint];
  for (let i = from; i < to; i++) {
    let x = Math.fround(values[i]! / scale);
    if (x < low) x = low;
    else if (x > high) x = high;
    else if (Number.isNaN(x)) x = 0;
    out[i] = roundHalfEven(x) + zeroPoint;
  }
}

/** Calls back for every stretch of elements that share a channel. */
function forEachRun(
  length: number,
  dims: readonly number[],
  axis: number,
  params: readonly QuantParams[],
  visit: (from: number, to: number, params: QuantParams) => void,
): void {
  const { outer, channels, inner } = channelLayout(dims, axis);
  if (length !== outer * channels * inner || params.length !== channels)
    throw new RangeError(
      `${length} values and ${params.length} parameters for axis ${axis} of [${dims.join(', ')}].`,
    );
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const channel of params) {
      visit(at, at + inner, channel);
      at += inner;
    }
}

import { VernierError, type ErrorPlace } from '../errors';
import { fromBfloat16Array, fromHalfArray, toBfloat16Array, toHalfArray } from '../numeric/half';
import type { ElementType } from '../onnx/schema';
import type { TensorData } from '../onnx/tensor';
import type { TensorValue } from '../onnx/value';

/** Smallest and largest value of each integer type that an input can have. */
const integers: Partial<Record<ElementType, readonly [bigint, bigint]>> = {
  bool: [0n, 1n],
  uint8: [0n, 255n],
  int8: [-128n, 127n],
  uint16: [0n, 65535n],
  int16: [-32768n, 32767n],
  uint32: [0n, 0xffffffffn],
  int32: [-0x80000000n, 0x7fffffffn],
  uint64: [0n, 0xffffffffffffffffn],
  int64: [-0x8000000000000000n, 0x7fffffffffffffffn],
};
const floats: readonly ElementType[] = ['float32', 'float64', 'float16', 'bfloat16'];

/** Values of a tensor as numbers: 16-bit floats decoded, 64-bit integers rounded to doubles. */
export function toNumbers(data: TensorData, type: ElementType): ArrayLike<number> {
  if (type === 'float16') return fromHalfArray(data as Uint16Array);
  if (type === 'bfloat16') return fromBfloat16Array(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return Float64Array.from(data, Number);
  return data;
}

/** Values of a tensor as float32; no copy where they are. */
export function toFloat32(data: TensorData, type: ElementType): Float32Array {
  const numbers = toNumbers(data, type);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
}

/** Values of a float32 or float16 tensor as float32 (no copy of a float32's); null for other types. */
export function floatsOf(value: TensorValue | undefined): Float32Array | null {
  if (value?.type === 'float16') return fromHalfArray(value.data as Uint16Array);
  return value?.data instanceof Float32Array ? value.data : null;
}

/**
 * Values as another element type. Floats become other floats by rounding, integers become floats, and
 * integers other integers where every value fits. The array itself is returned where the types are equal.
 * @throws VernierError `data.wrong-type` for floats as integers, values out of range, and types without numbers.
 */
export function cast(
  data: TensorData,
  from: ElementType,
  to: ElementType,
  place: ErrorPlace = {},
): TensorData {
  if (from === to) return data;
  const known = (type: ElementType) => type in integers || floats.includes(type);
  if (!known(from) || !known(to) || (floats.includes(from) && !floats.includes(to)))
    throw wrongType(from, to, place);
  switch (to) {
    case 'float32':
      return toFloat32(data, from);
    case 'float64':
      return Float64Array.from(toNumbers(data, from));
    case 'float16':
      return toHalfArray(toFloat32(data, from));
    case 'bfloat16':
      return toBfloat16Array(toFloat32(data, from));
    default:
      return toInteger(data, from, to, place);
  }
}

function toInteger(
  data: TensorData,
  from: ElementType,
  to: ElementType,
  place: ErrorPlace,
): TensorData {
  const [min, max] = integers[to]!;
  for (const value of data as Iterable<number | bigint>)
    if (value < min || value > max)
      throw new VernierError(
        'data.wrong-type',
        `The value ${value} does not fit into ${to}${place.tensor ? `, the type of input '${place.tensor}'` : ''}.`,
        { ...place, remedy: `Give values from ${min} to ${max}.` },
      );
  switch (to) {
    case 'int64':
      return BigInt64Array.from(data as Iterable<number>, BigInt);
    case 'uint64':
      return BigUint64Array.from(data as Iterable<number>, BigInt);
    case 'int32':
      return Int32Array.from(toNumbers(data, from));
    case 'uint32':
      return Uint32Array.from(toNumbers(data, from));
    case 'int16':
      return Int16Array.from(toNumbers(data, from));
    case 'uint16':
      return Uint16Array.from(toNumbers(data, from));
    case 'int8':
      return Int8Array.from(toNumbers(data, from));
    default:
      return Uint8Array.from(toNumbers(data, from));
  }
}

function wrongType(from: ElementType, to: ElementType, place: ErrorPlace): VernierError {
  const input = place.tensor ? `input '${place.tensor}'` : 'the input';
  return new VernierError(
    'data.wrong-type',
    `The data is ${from} where ${input} takes ${to}, and cannot be converted without loss.`,
    { ...place, remedy: `Write the data as ${to}, e.g. array.astype('${to}') in NumPy.` },
  );
}

/** Codes of a file as numbers, and what they stand for. */
import {
  elementBits,
  rawBytes,
  tensorData,
  tensorDims,
  tensorType,
  type ElementType,
  type TensorProto,
} from '../../onnx';
import { fromHalfArray } from '../../numeric';

/** How the scales of a tensor of codes lie: one for all, one per slice of an axis, or one per block along it. */
export interface ScaleLayout {
  /** Axis of the scales; ignored where there is one. */
  axis: number;
  /** Values that share a scale along the axis; 0 where a whole slice does. */
  blockSize: number;
}

/** Integer codes as numbers, 2- and 4-bit ones unpacked; null for types that hold no integer codes. */
export function codeValues(tensor: TensorProto, dir: string | null): Int32Array | null {
  const type = tensorType(tensor);
  switch (type) {
    case 'uint8':
    case 'int8':
    case 'uint16':
    case 'int16':
    case 'int32':
      return Int32Array.from(tensorData(tensor, dir) as Uint8Array);
    case 'uint4':
    case 'int4':
    case 'uint2':
    case 'int2': {
      const count = tensorDims(tensor).reduce((a, b) => a * b, 1);
      return unpack(rawBytes(tensor, dir), count, elementBits(type), type.startsWith('int'));
    }
    default:
      return null;
  }
}

/** Codes of 2 or 4 bits, the first in the lowest bits of a byte (https://onnx.ai/onnx/technical/int4.html). */
export function unpack(
  bytes: Uint8Array,
  count: number,
  bits: number,
  signed: boolean,
): Int32Array {
  const perByte = 8 / bits;
  const half = signed ? 1 << (bits - 1) : 0;
  return Int32Array.from({ length: count }, (_, i) => {
    const code = (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & ((1 << bits) - 1);
    return code >= half && signed ? code - 2 * half : code;
  });
}

/** Values of a float constant of any width as float32; null for other types. */
export function floatValues(tensor: TensorProto, dir: string | null): Float32Array | null {
  const data = tensorType(tensor);
  if (data === 'float32') return tensorData(tensor, dir) as Float32Array;
  if (data === 'float16') return fromHalfArray(tensorData(tensor, dir) as Uint16Array);
  return null;
}

/** Lowest and highest code of a type; null for types that hold no integer codes. */
export function codeLimits(type: ElementType): { min: number; max: number } | null {
  const found = /^(u?)int(2|4|8|16|32)$/.exec(type);
  if (!found) return null;
  const bits = Number(found[2]);
  return found[1] === 'u'
    ? { min: 0, max: 2 ** bits - 1 }
    : { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 };
}

/**
 * `(q − z) · s` for every code (https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html), rounded to float32; null
 * where scales or zero points do not fit the dims.
 */
export function dequantized(
  codes: Int32Array,
  dims: readonly number[],
  scales: Float32Array,
  zeroPoints: Int32Array | null,
  { axis, blockSize }: ScaleLayout,
): Float32Array | null {
  const scaleOf = scaleIndex(dims, scales.length, axis, blockSize);
  if (!scaleOf || (zeroPoints && zeroPoints.length !== scales.length)) return null;
  return Float32Array.from(codes, (q, i) => {
    const s = scaleOf(i);
    return Math.fround(q - (zeroPoints?.[s] ?? 0)) * scales[s]!;
  });
}

/** Which scale belongs to a value, by its place; null where their number does not fit. */
function scaleIndex(
  dims: readonly number[],
  count: number,
  axis: number,
  blockSize: number,
): ((at: number) => number) | null {
  if (count === 1) return () => 0;
  const at = axis < 0 ? axis + dims.length : axis;
  const length = dims[at];
  if (length === undefined) return null;
  const inner = dims.slice(at + 1).reduce((a, b) => a * b, 1);
  if (blockSize === 0) return count === length ? (i) => Math.floor(i / inner) % length : null;
  const blocks = Math.ceil(length / blockSize);
  const outer = dims.slice(0, at).reduce((a, b) => a * b, 1);
  if (count !== outer * blocks * inner) return null;
  return (i) => {
    const along = Math.floor(i / inner) % length;
    const before = Math.floor(i / (inner * length));
    return (before * blocks + Math.floor(along / blockSize)) * inner + (i % inner);
  };
}

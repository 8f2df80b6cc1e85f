/** Checks of one tensor: its dims, its bytes, its values. */
import { VernierError } from '../errors';
import { externalSource } from './external';
import { elementBits, type ElementType, type TensorProto } from './schema';
import { isExternal, tensorBytes, tensorData, tensorDims, tensorType } from './tensor';

/**
 * Throws where dims are no sizes (`model.bad-dims`), values do not fit them (`model.bad-tensor`), or the file of an
 * external tensor is missing, outside or too short (`model.external-…`). Reads no external values.
 */
export function checkTensor(tensor: TensorProto, dir: string | null): void {
  const type = tensorType(tensor);
  const place = { tensor: tensor.name };
  if (type === 'undefined')
    throw new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has no element type that ONNX knows (${tensor.dataType}).`,
      { ...place, remedy: 'Export the model again.' },
    );
  const expected = tensorBytes(tensor);
  if (isExternal(tensor)) {
    externalSource(tensor, dir, expected);
    return;
  }
  const wrong = (has: string, takes: string) =>
    new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has ${has} where ${type}[${tensorDims(tensor).join(', ')}] takes ${takes}.`,
      { ...place, remedy: 'The file is damaged: export or download it again.' },
    );
  const count = tensorDims(tensor).reduce((a, b) => a * b, 1);
  if (type === 'string') {
    if (tensor.stringData.length !== count)
      throw wrong(`${tensor.stringData.length} strings`, `${count}`);
    return;
  }
  const typed = typedCount(tensor);
  if (tensor.rawData.length > 0 || typed === 0) {
    if (tensor.rawData.length !== expected)
      throw wrong(`${tensor.rawData.length} bytes`, `${expected}`);
    return;
  }
  const takes = typedFieldCount(type, count);
  if (typed !== takes) throw wrong(`${typed} values`, `${takes}`);
}

function typedCount(t: TensorProto): number {
  return (
    t.floatData.length +
    t.int32Data.length +
    t.int64Data.length +
    t.doubleData.length +
    t.uint64Data.length
  );
}

/** Entries of a typed field: complex numbers take two, 4-bit numbers are two to a byte. */
function typedFieldCount(type: ReturnType<typeof tensorType>, count: number): number {
  if (type.startsWith('complex')) return 2 * count;
  const bits = elementBits(type);
  return bits < 8 ? Math.ceil((count * bits) / 8) : count;
}

/** Bits that all numbers which are not finite have set, by type. */
const EXPONENTS: Partial<Record<ElementType, number>> = { float16: 0x7c00, bfloat16: 0x7f80 };

/** True for tensors that may hold NaN. */
export function holdsFloats(tensor: TensorProto): boolean {
  const type = tensorType(tensor);
  return type === 'float32' || type === 'float64' || EXPONENTS[type] !== undefined;
}

/**
 * Throws `model.nan-weight` where a floating-point tensor holds a NaN, or, if `finite`, an infinity. Values that are not in
 * memory are read in pieces.
 */
export function checkValues(tensor: TensorProto, dir: string | null, finite: boolean): void {
  if (!holdsFloats(tensor)) return;
  const found: Found = { nan: -1, infinite: -1 };
  let before = 0;
  for (const data of floatPieces(tensor, dir)) {
    const mask = EXPONENTS[tensorType(tensor)];
    const here = mask === undefined ? notFinite(data) : notFiniteBits(data, mask);
    if (found.infinite < 0 && here.infinite >= 0) found.infinite = before + here.infinite;
    if (here.nan >= 0) found.nan = before + here.nan;
    if (found.nan >= 0 || (finite && found.infinite >= 0)) break;
    before += data.length;
  }
  if (found.nan < 0 && !(finite && found.infinite >= 0)) return;
  const [at, what] = found.nan >= 0 ? [found.nan, 'NaN'] : [found.infinite, 'infinite'];
  throw new VernierError(
    'model.nan-weight',
    `Tensor '${tensor.name}' is ${what} at element ${at}.`,
    {
      tensor: tensor.name,
      remedy: 'Training diverged or the file is damaged: take an earlier checkpoint.',
    },
  );
}

type Floats = Float32Array | Float64Array | Uint16Array;

/** The values of a tensor, of large ones a few megabytes at a time. */
function* floatPieces(tensor: TensorProto, dir: string | null): Generator<Floats> {
  const source = isExternal(tensor) ? externalSource(tensor, dir, tensorBytes(tensor)) : null;
  if (!source?.extent) {
    yield tensorData(tensor, dir) as Floats;
    return;
  }
  const bits = elementBits(tensorType(tensor));
  for (const { buffer, byteLength } of source.pieces()) {
    const count = (byteLength * 8) / bits;
    if (bits === 16) yield new Uint16Array(buffer, 0, count);
    else if (bits === 32) yield new Float32Array(buffer, 0, count);
    else yield new Float64Array(buffer, 0, count);
  }
}

interface Found {
  /** Index of the first NaN and the first infinity, or −1. */
  nan: number;
  infinite: number;
}

function notFinite(data: Float32Array | Float64Array | Uint16Array): Found {
  let infinite = -1;
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!;
    if (x - x === 0) continue; // false for NaN and infinities
    if (Number.isNaN(x)) return { nan: i, infinite };
    if (infinite < 0) infinite = i;
  }
  return { nan: -1, infinite };
}

/** The same for 16-bit patterns: all exponent bits set. */
function notFiniteBits(data: ArrayLike<number>, exponent: number): Found {
  let infinite = -1;
  for (let i = 0; i < data.length; i++) {
    const bits = data[i]! & 0x7fff;
    if (bits < exponent) continue;
    if (bits > exponent) return { nan: i, infinite };
    if (infinite < 0) infinite = i;
  }
  return { nan: -1, infinite };
}

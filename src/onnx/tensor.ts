/** Tensors of a file as lazy handles: type and shape cost nothing, values are decoded when asked for. */
import { create } from '@bufbuild/protobuf';
import { VernierError } from '../errors';
import { copyMessage } from './copy';
import { readExternal } from './external';
import { ComputedBytes, makeHeldTensor } from './held';
import { TensorProtoSchema } from './gen/onnx_pb';
import {
  DataLocation,
  elementBits,
  elementTypeName,
  elementTypeNumber,
  type ElementType,
  type TensorProto,
} from './schema';

/** Values of a tensor. float16 and bfloat16 are their 16-bit patterns, bool and packed 4-bit types bytes. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type ArrayMaker = {
  new (buffer: ArrayBuffer): TensorData;
  readonly BYTES_PER_ELEMENT: number;
};
const MAKERS: Partial<Record<ElementType, ArrayMaker>> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

const REMEDY = 'The file is damaged, or its exporter wrote wrong dims: export the model again.';

/** Product of dims; throws `model.bad-dims` on negative ones and beyond 2^53. */
export function elementCount(dims: readonly number[], place: { tensor?: string } = {}): number {
  let n = 1;
  for (const d of dims) {
    if (!Number.isSafeInteger(d) || d < 0)
      throw new VernierError('model.bad-dims', `Dimension ${d} is not a size.`, {
        ...place,
        remedy: REMEDY,
      });
    n *= d;
  }
  if (!Number.isSafeInteger(n))
    throw new VernierError('model.bad-dims', `Dims [${dims.join(', ')}] overflow.`, {
      ...place,
      remedy: REMEDY,
    });
  return n;
}

/** Dims of a tensor as numbers. */
export function tensorDims(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/** Element type of a tensor by name. */
export function tensorType(tensor: TensorProto): ElementType {
  return elementTypeName(tensor.dataType);
}

/** Bytes that the values take, packed as in `raw_data`. */
export function tensorBytes(tensor: TensorProto): number {
  const n = elementCount(tensorDims(tensor), { tensor: tensor.name });
  return Math.ceil((n * elementBits(tensorType(tensor))) / 8);
}

/** True where the values are not in the message: they lie in a file, or are computed when asked for. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === DataLocation.EXTERNAL;
}

/** The packed bytes of a tensor, wherever they lie. @param dir folder of the model, for external data */
export function rawBytes(tensor: TensorProto, dir: string | null): Uint8Array {
  if (isExternal(tensor)) return readExternal(tensor, dir, tensorBytes(tensor));
  if (tensor.rawData.length > 0 || elementCount(tensorDims(tensor)) === 0) return tensor.rawData;
  const data = typedFields(tensor);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Values of a tensor as a typed array (a copy, aligned; ONNX is little-endian, as every machine is that the
 * runtime supports). Throws `model.bad-tensor` where the bytes do not fit the dims.
 */
export function tensorData(tensor: TensorProto, dir: string | null = null): TensorData {
  const type = tensorType(tensor);
  const place = { tensor: tensor.name };
  const n = elementCount(tensorDims(tensor), place);
  const make = MAKERS[type] ?? (elementBits(type) > 0 ? Uint8Array : undefined);
  if (!make)
    throw new VernierError('model.bad-tensor', `Values of type ${type} are not numbers.`, place);
  const bytes = rawBytes(tensor, dir);
  const expected = Math.ceil((n * elementBits(type)) / 8);
  if (bytes.length !== expected)
    throw new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has ${bytes.length} bytes where ${type}[${tensor.dims.join(', ')}] takes ${expected}.`,
      { ...place, remedy: 'The file is damaged: export or download it again.' },
    );
  // what was read for this call is its own already
  if (isExternal(tensor) && bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length)
    return new make(bytes.buffer as ArrayBuffer);
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return new make(copy);
}

/** Values of a float32 tensor; float16 and others are refused with `model.bad-tensor`. */
export function floatData(tensor: TensorProto, dir: string | null = null): Float32Array {
  const data = tensorData(tensor, dir);
  if (data instanceof Float32Array) return data;
  throw new VernierError(
    'model.bad-tensor',
    `Tensor '${tensor.name}' is ${tensorType(tensor)} where float32 was expected.`,
    { tensor: tensor.name },
  );
}

/** Values of an integer tensor as numbers (shapes, axes, pads). */
export function integerValues(tensor: TensorProto, dir: string | null = null): number[] {
  return Array.from(tensorData(tensor, dir) as ArrayLike<number | bigint>, Number);
}

/** Values that stand in the typed fields instead of `raw_data`. */
function typedFields(tensor: TensorProto): TensorData {
  const type = tensorType(tensor);
  switch (type) {
    case 'float32':
      return Float32Array.from(tensor.floatData);
    case 'float64':
      return Float64Array.from(tensor.doubleData);
    case 'int64':
      return BigInt64Array.from(tensor.int64Data);
    case 'uint64':
      return BigUint64Array.from(tensor.uint64Data);
    case 'uint32':
      return Uint32Array.from(tensor.uint64Data, Number);
    case 'int32':
      return Int32Array.from(tensor.int32Data);
    case 'int16':
      return Int16Array.from(tensor.int32Data);
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return Uint16Array.from(tensor.int32Data);
    case 'int8':
      return Int8Array.from(tensor.int32Data);
    default:
      return Uint8Array.from(tensor.int32Data);
  }
}

/** A new initializer; values go to `raw_data`, always. */
export function makeTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  data: TensorData,
): TensorProto {
  const tensor = create(TensorProtoSchema, {
    dims: dims.map(BigInt),
    dataType: elementTypeNumber(type),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  });
  if (name) tensor.name = name;
  return tensor;
}

/** A new int64 vector: a shape, axes or sizes. */
export function makeIntsTensor(name: string, values: readonly number[]): TensorProto {
  return makeTensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
}

/** The same tensor under another name; the bytes are shared. */
export function renamedTensor(tensor: TensorProto, name: string): TensorProto {
  const copy = copyMessage(tensor);
  copy.name = name;
  return copy;
}

/** The same, but the tensor keeps the array itself: nobody may change it afterwards. */
export function tensorOf(
  name: string,
  type: ElementType,
  dims: readonly number[],
  data: TensorData,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: elementTypeNumber(type),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
}

/**
 * An initializer that is made of another one's values: at once, or where those are not in memory, each time it is read.
 * @param values computes it; must give the same whenever it is called
 */
export function derivedTensor(
  from: TensorProto,
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: () => TensorData,
): TensorProto {
  if (!isExternal(from)) return makeTensor(name, type, dims, values());
  const bytes = Math.ceil((elementCount(dims) * elementBits(type)) / 8);
  return makeHeldTensor(name, type, dims, new ComputedBytes(bytes, values));
}

/** A float32 scalar initializer. */
export function makeScalar(name: string, value: number): TensorProto {
  return makeTensor(name, 'float32', [], Float32Array.of(value));
}

/** NumPy's array files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3. */
import { VernierError } from '../errors';
import type { ElementType } from '../onnx/schema';
import type { TensorData } from '../onnx/tensor';
import { truncated, type ByteSource } from './bytes';

/** An array whose header was read and whose values are still in the file. */
export interface NpyArray {
  type: ElementType;
  dims: number[];
  /** Bytes of an element. */
  itemSize: number;
  bigEndian: boolean;
  /** First axis fastest. */
  fortran: boolean;
  /** Where the values start. */
  offset: number;
  bytes: ByteSource;
}

const types: Record<string, ElementType> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

const makers = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as Partial<Record<ElementType, new (buffer: ArrayBufferLike) => TensorData>>;

/**
 * Reads the header of an array file and checks that its values are all there.
 * @param what how errors call it, e.g. a file or an entry of an archive
 * @throws VernierError `data.bad-format` for a damaged file, `data.wrong-type` for text, objects and records.
 */
export async function openNpy(bytes: ByteSource, what = bytes.file): Promise<NpyArray> {
  const { file } = bytes;
  const bad = (message: string) =>
    new VernierError('data.bad-format', `${what} ${message}.`, {
      file,
      remedy: 'Write it again with numpy.save.',
    });
  if (bytes.size < 10) throw truncated(file, `${what} ends within its header.`);
  const start = await bytes.read(0, 10);
  if (String.fromCharCode(...start.subarray(1, 6)) !== 'NUMPY' || start[0] !== 0x93)
    throw bad('is not a NumPy array file');
  const major = start[6]!;
  if (major < 1 || major > 3) throw bad(`has the unknown format version ${major}`);
  const lengthBytes = major === 1 ? 2 : 4;
  const offset = 8 + lengthBytes;
  if (bytes.size < offset) throw truncated(file, `${what} ends within its header.`);
  const lengths = new DataView((await bytes.read(8, lengthBytes)).buffer);
  const length = major === 1 ? lengths.getUint16(0, true) : lengths.getUint32(0, true);
  if (bytes.size < offset + length) throw truncated(file, `${what} ends within its header.`);
  const header = new TextDecoder().decode(await bytes.read(offset, length));

  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (/'descr'\s*:\s*\[/.test(header)) throw wrongType(file, what, 'records');
  if (descr === undefined || order === undefined || shape === undefined)
    throw bad('has a header that says neither type nor shape');
  const type = types[descr.slice(1)];
  if (!type || !'<>|='.includes(descr[0]!)) throw wrongType(file, what, `'${descr}'`);

  const dims = shape.split(',').flatMap((dim) => (dim.trim() ? [Number(dim)] : []));
  const itemSize = Number(descr.slice(2));
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(count * itemSize)) throw bad(`has dims [${dims.join(', ')}]`);
  if (offset + length + count * itemSize > bytes.size)
    throw truncated(
      file,
      `${what} has ${bytes.size - offset - length} bytes of values where ${type}[${dims.join(', ')}] takes ${count * itemSize}.`,
    );
  const bigEndian = descr.startsWith('>') && itemSize > 1;
  const fortran = order === 'True' && dims.length > 1;
  return { type, dims, itemSize, bigEndian, fortran, offset: offset + length, bytes };
}

/** Elements of an array: the product of its dims. */
export function npyCount(array: NpyArray): number {
  return array.dims.reduce((product, dim) => product * dim, 1);
}

/**
 * Values `from`…`from + count` in C order, as they stand in the file (float16 as bits, bool as bytes). An
 * array in Fortran order with more than one axis must be read at once: see {@link readNpy}.
 */
export async function readNpySlice(
  array: NpyArray,
  from: number,
  count: number,
): Promise<TensorData> {
  const { bytes, itemSize } = array;
  if (array.fortran) throw new RangeError('Fortran order cannot be read by slices.');
  return decode(array, await bytes.read(array.offset + from * itemSize, count * itemSize));
}

/** All values, in C order. */
export async function readNpy(array: NpyArray): Promise<TensorData> {
  const raw = await array.bytes.read(array.offset, npyCount(array) * array.itemSize);
  const values = decode(array, raw);
  return array.fortran ? toRowMajor(values, array.dims) : values;
}

function decode({ type, itemSize, bigEndian }: NpyArray, raw: Uint8Array): TensorData {
  if (bigEndian)
    for (let at = 0; at < raw.length; at += itemSize) raw.subarray(at, at + itemSize).reverse();
  const buffer = raw.byteLength === raw.buffer.byteLength ? raw.buffer : new Uint8Array(raw).buffer;
  return new makers[type]!(buffer);
}

/** Values with the first axis fastest → with the last axis fastest. */
function toRowMajor(values: TensorData, dims: readonly number[]): TensorData {
  const out = values.slice() as Float32Array; // any of them: values are only moved
  const source = values as Float32Array;
  const index = new Array<number>(dims.length).fill(0);
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((a, b) => a * b, 1));
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = source[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      from += strides[axis]!;
      if (index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function wrongType(file: string, what: string, descr: string): VernierError {
  return new VernierError('data.wrong-type', `${what} holds ${descr}, which are not numbers.`, {
    file,
    remedy: "Write an array of numbers, e.g. array.astype('float32').",
  });
}

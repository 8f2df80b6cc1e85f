import {
  encodeBlock,
  fitBlock,
  nibbleBytes,
  putNibble,
  type BlockFormat,
  type BlockParams,
} from '../../numeric';
import { FloatReader, type TensorProto } from '../../onnx';

/** How a matrix becomes codes. K is the axis that products sum over, N the output channels. */
export interface PackRequest {
  /** Float32, K · N values. */
  tensor: TensorProto;
  dir: string | null;
  /** Which axis of the tensor is K: 0 (MatMul, [K, N]) or 1 (a table of rows, a Gemm with transB, [N, K]). */
  kAxis: 0 | 1;
  k: number;
  n: number;
  /** Values along K that one entry of `scales` covers. */
  block: number;
  /** What shares a scale: a block, all of a channel, or the whole tensor; for the latter two entries repeat. */
  granularity: 'block' | 'channel' | 'tensor';
  format: BlockFormat;
  /** Order of the codes: channel by channel ([N, stride], what is beyond K stands for zero), or as MatMul has them ([K, N]). */
  order: 'channel' | 'input';
  /** Codes of one channel in order `channel`; K in order `input`. */
  stride: number;
}

/** A packed matrix. `scales` and `zeros` are [N, blocks] in order `channel`, [blocks, N] in order `input`. */
export interface PackedMatrix {
  /** One code a byte with 8 bits, two with 4. */
  codes: Uint8Array;
  scales: Float32Array;
  /** One a byte, whatever the bits. */
  zeros: Uint8Array;
}

/** What the codes of a matrix were made with. */
export type FittedScales = Pick<PackedMatrix, 'scales' | 'zeros'>;

/** About so many values are in memory at once, where the granularity allows it. */
const WINDOW = 1 << 20;

/**
 * Quantizes a matrix block by block. With granularity `block` the tensor passes through a small window: the memory is
 * that of the codes. Null where a value is NaN or infinite.
 * @param fitted scales and zero points of an earlier pass over the same values: finding them is nearly all of the work
 */
export function packMatrix(request: PackRequest, fitted?: FittedScales): PackedMatrix | null {
  const { tensor, dir, kAxis, k, n, block, stride, granularity } = request;
  const { bits } = request.format;
  const reader = new FloatReader(tensor, dir);
  const [rows, columns] = kAxis === 0 ? [k, n] : [n, k];
  const blocks = Math.ceil(k / block);
  const size = n * stride;
  const codes = new Uint8Array(bits === 4 ? nibbleBytes(size) : size);
  const packed = {
    codes,
    scales: fitted?.scales ?? new Float32Array(n * blocks),
    zeros: fitted?.zeros ?? new Uint8Array(n * blocks),
  };
  const one = granularity === 'tensor' && !fitted;
  const whole = one ? fitBlock(reader.read(0, k * n), k * n, request.format) : null;
  if (one && !whole) return null;
  // all of K is needed at once where a channel shares a scale
  const height =
    kAxis === 1
      ? Math.max(1, Math.floor(WINDOW / columns))
      : granularity === 'channel' && !fitted
        ? rows
        : block * Math.max(1, Math.floor(WINDOW / (block * columns)));
  for (let row = 0; row < rows; row += height) {
    const count = Math.min(height, rows - row);
    const window = { values: reader.read(row * columns, count * columns), row, count };
    if (!packWindow(window, blocks, whole, request, packed, fitted !== undefined)) return null;
  }
  return packed;
}

/** True where no value is NaN or infinite. */
export function isFiniteMatrix({ tensor, dir, k, n }: PackRequest): boolean {
  const reader = new FloatReader(tensor, dir);
  for (let from = 0; from < k * n; from += WINDOW) {
    let sum = 0;
    for (const x of reader.read(from, Math.min(WINDOW, k * n - from))) sum += x - x;
    if (sum !== 0) return false; // NaN for NaN and infinities
  }
  return true;
}

/** Rows of the tensor that are in memory. */
interface Window {
  values: Float32Array;
  row: number;
  count: number;
}

/** Packs the blocks that lie in a window; false where one cannot be. @param whole parameters that all share */
function packWindow(
  { values, row, count }: Window,
  blocks: number,
  whole: BlockParams | null,
  { kAxis, k, n, block, granularity, format, order, stride }: PackRequest,
  { codes, scales, zeros }: PackedMatrix,
  isFitted: boolean,
): boolean {
  const [firstChannel, lastChannel] = kAxis === 0 ? [0, n] : [row, row + count];
  const [firstK, lastK] = kAxis === 0 ? [row, row + count] : [0, k];
  const step = kAxis === 0 ? n : 1;
  const byChannel = granularity === 'channel' && !isFitted;
  const shared = new Float32Array(byChannel ? lastK - firstK : 0);
  const run = new Float32Array(block);
  const codesOfRun = new Uint8Array(block);
  for (let c = firstChannel; c < lastChannel; c++) {
    const start = kAxis === 0 ? c : (c - row) * k;
    let params = whole;
    if (byChannel) {
      for (let i = 0; i < shared.length; i++) shared[i] = values[start + i * step]!;
      params = fitBlock(shared, shared.length, format);
      if (!params) return false;
    }
    for (let at = firstK; at < lastK; at += block) {
      const length = Math.min(block, lastK - at);
      const from = start + (at - firstK) * step;
      for (let i = 0; i < length; i++) run[i] = values[from + i * step]!;
      const b = at / block;
      const entry = order === 'channel' ? c * blocks + b : b * n + c;
      const own = isFitted
        ? { scale: scales[entry]!, zero: zeros[entry]! }
        : (params ?? fitBlock(run, length, format));
      if (!own) return false;
      encodeBlock(run, length, own, format.bits, codesOfRun);
      scales[entry] = own.scale;
      zeros[entry] = own.zero;
      // beyond the end of a channel stands zero
      const until = order === 'channel' && at + length === k ? stride - at : length;
      codesOfRun.fill(own.zero, length);
      const to = order === 'channel' ? c * stride + at : at * n + c;
      const gap = order === 'channel' ? 1 : n;
      for (let i = 0; i < until; i++)
        if (format.bits === 8) codes[to + i * gap] = codesOfRun[i]!;
        else putNibble(codes, to + i * gap, codesOfRun[i]!);
    }
  }
  return true;
}

/** Zero points of 4 bits packed row by row: every row of `columns` begins on a byte. */
export function packZeros(zeros: Uint8Array, rows: number, columns: number): Uint8Array {
  const bytes = nibbleBytes(columns);
  const packed = new Uint8Array(rows * bytes);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) putNibble(packed, 2 * r * bytes + c, zeros[r * columns + c]!);
  return packed;
}

/** Two's complement of codes around the middle, in place: code 0 becomes −8 or −128. @param count of the codes */
export function signedCodes(codes: Uint8Array, bits: 4 | 8, count: number): Uint8Array {
  const flip = bits === 4 ? 0x88 : 0x80;
  for (let i = 0; i < codes.length; i++) codes[i]! ^= flip;
  if (bits === 4 && count % 2 === 1) codes[codes.length - 1]! &= 15;
  return codes;
}

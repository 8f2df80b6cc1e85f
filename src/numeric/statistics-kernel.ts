import { channelLayout } from './channels';
import type { SampleSums } from './exact-moments';
import { BIN_COUNT, type FloatBitsHistogram } from './histogram';
import { channelRange, Moments } from './moments';
import { STATISTICS_WASM } from './statistics-wasm';
import { webAssembly } from './web-assembly';

/** Above this many channels their ranges are not kept. */
export const MOST_CHANNELS = 8192;

const PAGE = 65536;
/** Values that are looked at at a time; they stay in the cache next to the processor. */
const CHUNK = 16384;
const [STAGE, EXTREMES, SUMS, WHOLE, BINS] = [0, PAGE, 2 * PAGE, 2 * PAGE + 16, 3 * PAGE];
const BIN_BYTES = BIN_COUNT * 4;
/** Up to this many tensors have a histogram for each lane of a vector (256 KiB); more share one among the lanes. */
const MOST_WIDE = 512;
/** Counts are moved out of 32 bits before so many values were added. */
const MOST_PENDING = 2 ** 31;

interface Exports {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  scan(
    at: number,
    rows: number,
    inner: number,
    channel: number,
    channels: number,
    extremes: number,
    bins: number,
    stride: number,
    origin: number,
    sums: number,
  ): void;
  columns(at: number, rows: number, channels: number, extremes: number): void;
}

/** What one pass over a tensor finds besides the histogram. */
export interface KernelResult extends SampleSums {
  /** Finite extremes of every channel; +∞ and −∞ where there are none. Null without a channel axis. */
  channels: { min: Float32Array; max: Float32Array } | null;
}

/**
 * Extremes, sums and the histogram of float bits of many tensors, in one pass over each, four values at a time in
 * WebAssembly (`statistics.wat`). Histograms gather here until they are drained. Results are the same whatever other
 * tensors are looked at in between.
 */
export class StatisticsKernel {
  private readonly wasm: Exports;
  private readonly stage: Float32Array;
  private readonly extremes: Float32Array;
  private readonly sums: Float64Array;
  private readonly lanes: number;
  private readonly pending: Float64Array;

  /** @param histograms one for each tensor; a tensor is then named by its index */
  constructor(private readonly histograms: readonly FloatBitsHistogram[]) {
    const module = new webAssembly.Module(Buffer.from(STATISTICS_WASM, 'base64'));
    this.wasm = new webAssembly.Instance(module).exports as Exports;
    this.lanes = histograms.length > MOST_WIDE ? 1 : 4;
    const bytes = BINS + histograms.length * this.lanes * BIN_BYTES;
    this.wasm.memory.grow(Math.ceil(bytes / PAGE) - 1);
    const { buffer } = this.wasm.memory;
    this.stage = new Float32Array(buffer, STAGE, CHUNK);
    this.extremes = new Float32Array(buffer, EXTREMES, 2 * MOST_CHANNELS);
    this.sums = new Float64Array(buffer, SUMS, 2);
    this.pending = new Float64Array(histograms.length);
  }

  /** Bytes of memory that are reserved; of a histogram only the pages with counts are really there. */
  get bytes(): number {
    return this.wasm.memory.buffer.byteLength;
  }

  /**
   * Looks at one tensor of one sample.
   * @param axis the axis of the channels, or null
   * @throws RangeError if `dims` and `axis` do not fit, or there are more than {@link MOST_CHANNELS} channels
   */
  add(
    tensor: number,
    values: Float32Array,
    dims: readonly number[],
    axis: number | null,
  ): KernelResult {
    const count = values.length;
    if (this.pending[tensor]! + count > MOST_PENDING) this.drain(tensor);
    this.pending[tensor]! += count;
    const layout =
      axis === null ? { outer: 1, channels: 1, inner: count } : channelLayout(dims, axis);
    const { outer, channels, inner } = layout;
    if (outer * channels * inner !== count || channels > MOST_CHANNELS)
      throw new RangeError(`${count} values in a tensor of shape [${dims.join(', ')}].`);
    const first = values[0] ?? 0;
    const origin = Number.isFinite(first) ? first : 0;
    this.extremes.fill(Infinity, 0, channels);
    this.extremes.fill(-Infinity, channels, 2 * channels);
    this.sums.fill(0);
    const bins = BINS + tensor * this.lanes * BIN_BYTES;
    if (inner === 1 && channels > 1) this.scanColumns(values, channels, bins, origin);
    else this.scanRows(values, channels, inner, bins, origin);
    const [sum, squares] = [this.sums[0]!, this.sums[1]!];
    // One NaN or infinity anywhere makes the sum of squares not finite.
    if (!Number.isFinite(squares)) return carefully(values, dims, axis);
    const ranges = {
      min: this.extremes.slice(0, channels).map(unsigned),
      max: this.extremes.slice(channels, 2 * channels).map(unsigned),
    };
    let [min, max] = [Infinity, -Infinity];
    for (let c = 0; c < channels; c++) {
      if (ranges.min[c]! < min) min = ranges.min[c]!;
      if (ranges.max[c]! > max) max = ranges.max[c]!;
    }
    const finite = { count, origin, sum, squares, min, max, nan: 0, infinite: 0 };
    return { ...finite, channels: axis === null ? null : ranges };
  }

  /** Moves the counts of a tensor into its histogram. */
  drain(tensor: number): void {
    if (this.pending[tensor] === 0) return;
    this.pending[tensor] = 0;
    const at = BINS + tensor * this.lanes * BIN_BYTES;
    const counts = new Uint32Array(this.wasm.memory.buffer, at, this.lanes * BIN_COUNT);
    this.histograms[tensor]!.takeCounts(counts);
  }

  private scanRows(
    values: Float32Array,
    channels: number,
    inner: number,
    bins: number,
    origin: number,
  ): void {
    const stride = this.lanes > 1 ? BIN_BYTES : 0;
    const { length } = values;
    // Rows that are longer than a chunk are looked at piece by piece.
    const pieces = Math.ceil(inner / CHUNK);
    const rowsAtOnce = pieces > 1 ? 1 : Math.max(1, Math.floor(CHUNK / Math.max(1, inner)));
    for (let at = 0, row = 0; at < length; row += rowsAtOnce) {
      const end = Math.min(length, at + rowsAtOnce * inner);
      while (at < end) {
        const size = Math.min(CHUNK, end - at);
        this.stage.set(values.subarray(at, at + size));
        const [rows, width] = pieces > 1 ? [1, size] : [size / inner, inner];
        const channel = row % channels;
        this.wasm.scan(STAGE, rows, width, channel, channels, EXTREMES, bins, stride, origin, SUMS);
        at += size;
      }
    }
  }

  private scanColumns(values: Float32Array, channels: number, bins: number, origin: number): void {
    const stride = this.lanes > 1 ? BIN_BYTES : 0;
    const atOnce = Math.floor(CHUNK / channels) * channels;
    for (let at = 0; at < values.length; at += atOnce) {
      const chunk = values.subarray(at, at + atOnce);
      this.stage.set(chunk);
      this.wasm.scan(STAGE, 1, chunk.length, 0, 1, WHOLE, bins, stride, origin, SUMS);
      this.wasm.columns(STAGE, chunk.length / channels, channels, EXTREMES);
    }
  }
}

/** The same of the finite values only, counting the others. */
function carefully(
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
): KernelResult {
  const { count, mean, m2, min, max, nan, infinite } = new Moments().add(values);
  const channels = axis === null ? null : channelRange(values, dims, axis);
  return { count, origin: mean, sum: 0, squares: m2, min, max, nan, infinite, channels };
}

/** Zero has no sign in a range: which of 0 and −0 came first must not matter. */
const unsigned = (x: number) => x + 0;

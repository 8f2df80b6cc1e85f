/**
 * Resizing, to the bit as Pillow does it for 8-bit pictures (src/libImaging/Resample.c and Geometry.c): two passes
 * of integer weights, horizontal first, each rounded to bytes, and the filter widened when shrinking.
 */
import type { FilterName } from '../source';
import { inTurn, type Bitmap } from './bitmap';

/** Bits after the point of a weight: 32, less 8 of the byte, less 2 against overflow by negative weights. */
const PRECISION_BITS = 32 - 8 - 2;

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Weight by distance, and the distance beyond which it is zero. */
const filters: Record<Exclude<FilterName, 'nearest'>, [(x: number) => number, number]> = {
  box: [(x) => (x > -0.5 && x <= 0.5 ? 1 : 0), 0.5],
  bilinear: [(x) => Math.max(0, 1 - Math.abs(x)), 1],
  hamming: [
    (x) => (Math.abs(x) >= 1 ? 0 : sinc(Math.abs(x)) * (0.54 + 0.46 * Math.cos(x * Math.PI))),
    1,
  ],
  bicubic: [
    (x) => {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
    2,
  ],
  lanczos: [(x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0), 3],
};

/**
 * Scales a picture to `width` × `height`; the picture itself where that is its size.
 *
 * Where the height loses more than twice as many pixels as the width, the vertical pass comes first: so does Pillow since
 * version 13 (its pull request 9549). Before, the horizontal one always did; the bytes then differ by one here and there.
 * @param crop [width, height] of the middle that `centerCrop` will take: along an axis that is scaled nothing else is computed
 */
export function resize(
  image: Bitmap,
  width: number,
  height: number,
  filter: FilterName = 'bilinear',
  crop: readonly [number, number] = [width, height],
): Bitmap {
  if (image.width === width && image.height === height) return image;
  if (filter === 'nearest') return nearest(image, width, height);
  const across = (i: Bitmap) =>
    i.width === width ? i : horizontal(i, weightsFor(i.width, width, filter, crop[0]));
  const down = (i: Bitmap) =>
    i.height === height ? i : vertical(i, weightsFor(i.height, height, filter, crop[1]));
  const lost = image.height - height;
  const downFirst = lost > 0 && lost > 2 * (image.width - width);
  return downFirst ? inTurn(image, down, across) : inTurn(image, across, down);
}

interface Weights {
  /** First source pixel of each target pixel, and how many there are. */
  starts: Int32Array;
  counts: Int32Array;
  /** `size` weights for each target pixel. */
  values: Int32Array;
  size: number;
}

/** @param middle how many of the `to` target pixels are wanted, at most */
function weightsFor(
  from: number,
  to: number,
  filter: Exclude<FilterName, 'nearest'>,
  middle: number,
): Weights {
  const [weigh, reach] = filters[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  const size = Math.ceil(support) * 2 + 1;
  const wanted = Math.min(to, middle);
  const first = Math.floor((to - wanted) / 2);
  const starts = new Int32Array(wanted);
  const counts = new Int32Array(wanted);
  const values = new Int32Array(wanted * size);
  const weights = new Float64Array(size);
  for (let target = 0; target < wanted; target++) {
    const center = (first + target + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = weigh((k + start - center + 0.5) * (1 / stretch));
      weights[k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count; k++) {
      const weight = (sum === 0 ? weights[k]! : weights[k]! / sum) * (1 << PRECISION_BITS);
      values[target * size + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    starts[target] = start;
    counts[target] = count;
  }
  return { starts, counts, values, size };
}

const HALF = 1 << (PRECISION_BITS - 1);
const clip = (sum: number) => {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
};

function horizontal(image: Bitmap, weights: Weights): Bitmap {
  const { data, height, channels } = image;
  const width = weights.starts.length;
  const out = new Uint8Array(width * height * channels);
  const row = channels === 3 ? colourRow : grayRow;
  for (let y = 0; y < height; y++)
    row(data, y * image.width * channels, weights, out, y * width * channels);
  return { width, height, channels, data: out };
}

type Row = (from: Uint8Array, first: number, w: Weights, out: Uint8Array, to: number) => void;

/** One row of three channels: a weight is read once for all of them. */
const colourRow: Row = (from, first, { starts, counts, values, size }, out, to) => {
  for (let x = 0; x < starts.length; x++) {
    let [red, green, blue] = [HALF, HALF, HALF];
    let at = first + starts[x]! * 3;
    for (let k = x * size, end = k + counts[x]!; k < end; k++, at += 3) {
      const weight = values[k]!;
      red = (red + from[at]! * weight) | 0;
      green = (green + from[at + 1]! * weight) | 0;
      blue = (blue + from[at + 2]! * weight) | 0;
    }
    out[to++] = clip(red);
    out[to++] = clip(green);
    out[to++] = clip(blue);
  }
};

const grayRow: Row = (from, first, { starts, counts, values, size }, out, to) => {
  for (let x = 0; x < starts.length; x++) {
    let sum = HALF;
    let at = first + starts[x]!;
    for (let k = x * size, end = k + counts[x]!; k < end; k++)
      sum = (sum + from[at++]! * values[k]!) | 0;
    out[to++] = clip(sum);
  }
};

function vertical(image: Bitmap, { starts, counts, values, size }: Weights): Bitmap {
  const { data, width, channels } = image;
  const height = starts.length;
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < counts[y]!; k++) {
      const weight = values[y * size + k]!;
      const row = (starts[y]! + k) * stride;
      for (let x = 0; x < stride; x++) sums[x]! += data[row + x]! * weight;
    }
    for (let x = 0; x < stride; x++) out[y * stride + x] = clip(sums[x]!);
  }
  return { width, height, channels, data: out };
}

function nearest(image: Bitmap, width: number, height: number): Bitmap {
  const { data, channels } = image;
  const columns = nearestIndices(image.width, width);
  const rows = nearestIndices(image.height, height);
  const out = new Uint8Array(width * height * channels);
  let to = 0;
  for (const row of rows)
    for (const column of columns)
      for (let c = 0; c < channels; c++)
        out[to++] = data[(row * image.width + column) * channels + c]!;
  return { width, height, channels, data: out };
}

/** Pillow adds the step up from pixel to pixel; so must we, for the same rounding. */
function nearestIndices(from: number, to: number): Int32Array {
  const step = from / to;
  const indices = new Int32Array(to);
  let at = step * 0.5;
  for (let i = 0; i < to; i++, at += step) indices[i] = Math.min(from - 1, Math.trunc(at));
  return indices;
}

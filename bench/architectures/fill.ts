import { Random, transposeInto } from '../../src/numeric';
import { sizeOf, type Parameter } from './net';

const QUANTILES = 1 << 16;
let table: Float32Array | null = null;

/** 65536 equally likely values of the standard normal distribution: fast enough for a thousand million weights. */
function normals(): Float32Array {
  table ??= Float32Array.from({ length: QUANTILES }, (_, i) => quantile((i + 0.5) / QUANTILES));
  return table;
}

/** The inverse of the normal distribution function (Acklam 2003; relative error below 1.2e-9). */
function quantile(p: number): number {
  const poly = (c: readonly number[], x: number) => c.reduce((sum, k) => sum * x + k, 0);
  const tail = (q: number) => {
    const x = Math.sqrt(-2 * Math.log(q));
    const c = [-7.784894002430293e-3, -0.3223964580411365, -2.400758277161838];
    c.push(-2.549732539343734, 4.374664141464968, 2.938163982698783);
    const d = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
    return poly(c, x) / poly(d, x);
  };
  if (p < 0.02425) return tail(p);
  if (p > 1 - 0.02425) return -tail(1 - p);
  const q = p - 0.5;
  const r = q * q;
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269];
  a.push(-30.66479806614716, 2.506628277459239);
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972];
  b.push(-13.28068155288572, 1);
  return (poly(a, r) * q) / poly(b, r);
}

/**
 * Values of a parameter. @param measured running statistics by name; @param all parameters of the network, among which a
 * tied one finds its other
 */
export function fill(
  { name, dims, fill: how }: Parameter,
  seed: number,
  measured: ReadonlyMap<string, Float32Array> = new Map(),
  all: readonly Parameter[] = [],
): Float32Array {
  const size = sizeOf(dims);
  const random = new Random(seed, hash(name));
  switch (how.kind) {
    case 'measured': {
      const values = measured.get(name);
      if (values?.length !== size) throw new Error(`'${name}' was not measured`);
      return values;
    }
    case 'transposed': {
      const other = all.find((p) => p.name === how.of);
      if (!other) throw new Error(`'${name}' is tied to '${how.of}', which is not there`);
      const values = new Float32Array(size);
      transposeInto(fill(other, seed, measured, all), values, other.dims, [1, 0]);
      return values;
    }
    case 'uniform':
      return Float32Array.from({ length: size }, () => random.uniform(-how.limit, how.limit));
    case 'gain': {
      const values = drawn(random, size, how.spread, 0);
      return values.map((v) => how.scale * Math.exp(v));
    }
    case 'normal':
      return drawn(random, size, how.std, how.mean ?? 0);
  }
}

function drawn(random: Random, size: number, std: number, mean: number): Float32Array {
  const standard = normals();
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const bits = random.uint32();
    values[i] = standard[bits & 0xffff]! * std + mean;
    if (i + 1 < size) values[i + 1] = standard[bits >>> 16]! * std + mean;
  }
  return values;
}

function hash(text: string): number {
  let h = 7;
  for (const c of text) h = (Math.imul(h, 31) + c.codePointAt(0)!) >>> 0;
  return h;
}

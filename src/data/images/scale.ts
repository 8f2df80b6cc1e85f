import { VernierError } from '../../errors';

/** Numbers of one channel: `((byte · scale) − mean) / std`. */
export interface ByteScaling {
  /** A number, or text like `1/255`. */
  scale: number | string;
  mean: number;
  std: number;
}

/**
 * What each of the 256 bytes becomes, computed in float32 step by step as NumPy and torchvision do it. A scale
 * that is the reciprocal of a short number (1/255, 1/127.5) divides, as `x / 255` in those programs does:
 * multiplying would differ in the last bit.
 * @throws VernierError `recipe.schema` where the scale is no number, or the standard deviation is zero.
 */
export function byteTable({ scale, mean, std }: ByteScaling): Float32Array {
  const factor = typeof scale === 'number' ? scale : parseFraction(scale);
  if (!Number.isFinite(factor) || !Number.isFinite(mean) || !Number.isFinite(std) || std === 0)
    throw new VernierError('recipe.schema', `image.scale ${scale}, mean ${mean}, std ${std}.`, {
      remedy: 'Give finite numbers, and a std that is not zero.',
    });
  const divisor = Math.round((1 / factor) * 2) / 2;
  const divides = divisor !== 0 && Math.abs(1 / factor - divisor) < 1e-9 * Math.abs(divisor);
  const table = new Float32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const scaled = Math.fround(divides ? byte / divisor : byte * Math.fround(factor));
    table[byte] = Math.fround(scaled - Math.fround(mean)) / Math.fround(std);
  }
  return table;
}

function parseFraction(text: string): number {
  const [top, bottom, ...more] = text.split('/').map((part) => (part.trim() ? Number(part) : NaN));
  if (more.length || top === undefined) return NaN;
  return bottom === undefined ? top : top / bottom;
}

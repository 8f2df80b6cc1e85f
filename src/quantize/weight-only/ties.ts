import { FloatReader, type GraphIndex } from '../../onnx';
import type { WeightSource } from './source';

/** Values compared before a whole matrix is read. */
const PROBES = 64;
/** Values of a table that are in memory at once. */
const WINDOW = 1 << 20;

/**
 * True where `weight` [K, N] holds the values of `table` [N, K], transposed: exporters, and folding a Transpose of a small
 * constant, write a tied embedding twice.
 */
export function isTied(
  index: GraphIndex,
  dir: string | null,
  table: WeightSource,
  weight: WeightSource,
): boolean {
  if (table.kAxis !== 1 || weight.kAxis !== 0) return false;
  if (table.k !== weight.k || table.n !== weight.n) return false;
  const [k, n] = [table.k, table.n];
  const a = new FloatReader(index.initializer(table.tensor)!, dir);
  const b = new FloatReader(index.initializer(weight.tensor)!, dir);
  for (let probe = 0; probe < PROBES; probe++) {
    const row = Math.floor((probe * n) / PROBES);
    const column = Math.floor((probe * k) / PROBES);
    if (!same(a.read(row * k + column, 1)[0]!, b.read(column * n + row, 1)[0]!)) return false;
  }
  const transposed = b.read(0, k * n);
  const height = Math.max(1, Math.floor(WINDOW / k));
  for (let row = 0; row < n; row += height) {
    const count = Math.min(height, n - row);
    const values = a.read(row * k, count * k);
    for (let r = 0; r < count; r++)
      for (let c = 0; c < k; c++)
        if (!same(values[r * k + c]!, transposed[c * n + row + r]!)) return false;
  }
  return true;
}

const same = (x: number, y: number) => x === y || (Number.isNaN(x) && Number.isNaN(y));

/** Gains before a product of two tensors of which neither is constant, as in attention. */
import { mean } from './field';
import { diagonalOf, mapRows, sameGrain, type Sketch } from './sketch';
import type { Known, Step } from './step';

/**
 * The gain of a[…, M, K] or b[…, K, N] from that of a · b, whose rows are places. What the other side does to noise depends
 * on how its channels vary together; null where that is not known.
 */
export function back({ net, powerOf, spreadOf, sketcher }: Known, step: Step, g: Sketch) {
  const { node, slot, from, to } = step;
  const other = node.input[1 - slot]!;
  const rank = to.length;
  if (from.length !== rank || net.dims(other)?.length !== rank || g.grain[rank - 2] !== 1)
    return null;
  const [M, N] = [to[rank - 2]!, to[rank - 1]!];
  const channels = g.grain[rank - 1]! > 1;
  if (slot === 1 && channels) {
    // places of `a` weigh places of `b`, in all batches by the same mean, and leave channels alone
    const { mean: same, square } = powerOf(other);
    const own = Math.sqrt(Math.max(0, mean(square) - same ** 2));
    const count = Math.sqrt(M);
    return mapRows(g, g.grain, (row) => {
      const all = sketcher.sign() * same;
      return byBlock(row, N, () => count * (all + sketcher.sign() * own));
    });
  }
  const spread = spreadOf(other);
  if (!spread) return null;
  const batch = spread.grain.slice(0, -2);
  const [behind, along] = [spread.grain[rank - 2]!, spread.grain[rank - 1]!];
  const fine = sketcher.refined(g, [...batch, ...g.grain.slice(-2)]);
  if (!sameGrain(fine.grain.slice(0, -2), batch)) return null;
  if (channels) return along === N && behind === 1 ? inner(fine, spread, N) : null;
  const [inPlaces, length, count] = slot === 0 ? [along, behind, N] : [behind, along, M];
  if (inPlaces !== 1 || length === 1) return null;
  const grain = slot === 0 ? [...batch, 1, length] : [...batch, length, 1];
  const gains = diagonalOf(fine).map(Math.sqrt);
  const factor = Math.sqrt(count);
  return mapRows(spread, grain, (row) =>
    byBlock(row, length, (cell) => sketcher.sign() * factor * gains[cell]!),
  );
}

/** Multiplies channels by a number for each batch. Signs of its own keep what is independent apart: heads, and both sides. */
const byBlock = (row: Float64Array, length: number, factor: (cell: number) => number) => {
  let by = 0;
  return row.map((v, c) => {
    if (c % length === 0) by = factor(c / length);
    return v * by;
  });
};

/** Noise at a place of `a` meets a row of `b`: the power is that of the rows along the gain, the same for all places. */
function inner(g: Sketch, spread: Sketch, length: number): Sketch {
  return mapRows(g, [...g.grain.slice(0, -1), 1], (row) =>
    Float64Array.from({ length: row.length / length }, (_, cell) => {
      let power = 0;
      for (const other of spread.rows) {
        let product = 0;
        for (let c = cell * length; c < (cell + 1) * length; c++) product += row[c]! * other[c]!;
        power += product * product;
      }
      return Math.sqrt(power);
    }),
  );
}

/**
 * Low-rank second moments: rows whose sum of outer products stands for a matrix over the cells of a tensor. Of noise, the
 * matrix says how gains of two channels go together; of values, how the values of two channels do.
 */
import { Random } from '../../numeric';
import { along, even, size, type Field } from './field';

/** A matrix Σ row·rowᵀ over the cells of a tensor. */
export interface Sketch {
  /**
   * The tensor's shape, 1 along axes of places: all places are alike, and what is at one is independent of what is at
   * another.
   */
  grain: readonly number[];
  /** Each as long as there are cells. */
  rows: Float64Array[];
}

/** Multiplications with weights that sketches of a whole model may cost, in one direction. */
const BUDGET = 3e9;
const [FEWEST, MOST] = [16, 64];

/** What the products of a model with constant weights are like. */
export interface Products {
  /** Weights of all of them. */
  weights: number;
  /** Channels of the widest input or result. */
  widest: number;
}

/**
 * Random signs, how many rows every sketch of one model has (the relative error is about √(2 / rows)), and how many cells it
 * can afford.
 */
export class Sketcher {
  private readonly random = new Random(1);
  readonly rows: number;
  private readonly cells: number;

  constructor({ weights, widest }: Products) {
    const affordable = BUDGET / Math.max(1, weights);
    this.rows = Math.max(FEWEST, Math.min(MOST, Math.floor(affordable)));
    this.cells = widest * Math.max(1, Math.floor(affordable / this.rows));
  }

  sign(): number {
    return this.random.uint32() & 1 ? 1 : -1;
  }

  /** A diagonal matrix: exactly, where a row can be given to every cell. @param diagonal one number for each cell */
  diagonal(grain: readonly number[], diagonal: ArrayLike<number>): Sketch {
    const cells = size(grain);
    const rows = Array.from({ length: this.rows }, () => new Float64Array(cells));
    if (cells <= this.rows)
      for (let c = 0; c < cells; c++) rows[c]![c] = this.sign() * Math.sqrt(diagonal[c]!);
    else
      for (const row of rows)
        for (let c = 0; c < cells; c++) row[c] = this.sign() * Math.sqrt(diagonal[c]! / this.rows);
    return { grain, rows };
  }

  /** The diagonal matrix of a field of gains or variances. @param rank of the tensor */
  ofField({ axis, values }: Field, rank: number): Sketch {
    const grain = Array.from({ length: rank }, (_, i) => (i === axis ? values.length : 1));
    return this.diagonal(grain, values);
  }

  /** The same on a finer grain: what were places become cells of their own. */
  refined(sketch: Sketch, grain: readonly number[]): Sketch {
    if (sameGrain(sketch.grain, grain)) return sketch;
    const from = sourceCells(sketch.grain, grain);
    const rows = sketch.rows.map((row) => {
      const fine = new Float64Array(from.length);
      from.forEach((at, i) => (fine[i] = this.sign() * row[at]!));
      return fine;
    });
    return { grain, rows };
  }

  /**
   * The same on so coarse a grain that it can be afforded: places along the longest axis before the last are then alike, and
   * the matrix of each is the mean of theirs.
   */
  bounded(sketch: Sketch): Sketch {
    if (size(sketch.grain) <= this.cells) return sketch;
    let { grain, rows } = sketch;
    while (size(grain) > this.cells) {
      const longest = Math.max(1, ...grain.slice(0, -1));
      if (longest === 1) break;
      const axis = grain.indexOf(longest);
      const inner = size(grain.slice(axis + 1));
      rows = rows.map((row) => this.merged(row, longest, inner));
      grain = grain.map((d, i) => (i === axis ? 1 : d));
    }
    return { grain, rows };
  }

  /** Places `inner` numbers apart, `count` of them one behind the other, as one. */
  private merged(row: Float64Array, count: number, inner: number): Float64Array {
    const out = new Float64Array(row.length / count);
    const share = 1 / Math.sqrt(count);
    for (let p = 0; p < count; p++) {
      const factor = this.sign() * share;
      for (let from = 0, to = p * inner; from < out.length; from += inner, to += count * inner)
        for (let c = 0; c < inner; c++) out[from + c]! += factor * row[to + c]!;
    }
    return out;
  }

  /** Every number times one of a random kind: its mean, and the mean of its square, are known for every cell. */
  timesRandom(
    { grain, rows }: Sketch,
    mean: (cell: number) => number,
    square: (cell: number) => number,
  ): Sketch {
    const cells = size(grain);
    const means = Float64Array.from({ length: cells }, (_, c) => mean(c));
    const deviations = means.map((m, c) => Math.sqrt(Math.max(0, square(c) - m * m)));
    return {
      grain,
      rows: rows.map((row) => row.map((v, c) => v * (means[c]! + this.sign() * deviations[c]!))),
    };
  }

  /** Sum of what comes on two ways. Row by row, so that ways which go together add up before they are squared. */
  sum(a: Sketch, b: Sketch): Sketch {
    const grain = a.grain.map((d, i) => Math.max(d, b.grain[i] ?? 1));
    const [x, y] = [this.refined(a, grain), this.refined(b, grain)];
    return { grain, rows: x.rows.map((row, r) => row.map((v, c) => v + y.rows[r]![c]!)) };
  }
}

/** The same matrix, each row put through a linear map. */
export const mapRows = (
  { rows }: Sketch,
  grain: readonly number[],
  by: (row: Float64Array, r: number) => Float64Array,
): Sketch => ({ grain, rows: rows.map(by) });

/** Every number times the same one; a gain or variance is multiplied by its square. */
export const times = (sketch: Sketch, factor: number): Sketch =>
  factor === 1 ? sketch : mapRows(sketch, sketch.grain, (row) => row.map((v) => v * factor));

/** The diagonal of the matrix, one number for each cell. */
export function diagonalOf({ grain, rows }: Sketch): Float64Array {
  const sums = new Float64Array(size(grain));
  for (const row of rows) row.forEach((v, c) => (sums[c]! += v * v));
  return sums;
}

/** The diagonal as a field: the mean where cells lie along more than one axis. */
export function fieldOf(sketch: Sketch): Field {
  const diagonal = diagonalOf(sketch);
  const axes = sketch.grain.flatMap((d, i) => (d > 1 ? [i] : []));
  if (axes.length === 1) return along(axes[0]!, diagonal);
  return even(diagonal.reduce((a, b) => a + b, 0) / diagonal.length);
}

/** Place of a cell of the finer grain among those of the coarser one. */
function sourceCells(coarse: readonly number[], fine: readonly number[]): Int32Array {
  const own = strides(coarse);
  return cells(fine, (at) =>
    at.reduce((sum, i, axis) => sum + (coarse[axis] === 1 ? 0 : i * own[axis]!), 0),
  );
}

/** A number for every cell, in order. @param of gets the cell's indices */
export function cells(grain: readonly number[], of: (at: readonly number[]) => number): Int32Array {
  const at = grain.map(() => 0);
  return Int32Array.from({ length: size(grain) }, () => {
    const found = of(at);
    for (let axis = at.length - 1; axis >= 0; axis--) {
      if (++at[axis]! < grain[axis]!) break;
      at[axis] = 0;
    }
    return found;
  });
}

/** How far apart neighbours along every axis lie. */
export const strides = (grain: readonly number[]): number[] =>
  grain.map((_, axis) => size(grain.slice(axis + 1)));

export const sameGrain = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

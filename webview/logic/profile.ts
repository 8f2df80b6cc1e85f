import type { LayerRow } from './rows';

/** A place along the depth where the accumulated SQNR falls. */
export interface Jump {
  index: number;
  name: string;
  /** Decibels lost against the worst of the layers that feed it (or the layer before). */
  drop: number;
}

/** The largest drops of the accumulated SQNR, at most `most`, each of at least 3 dB. */
export function jumps(rows: readonly LayerRow[], most = 3): Jump[] {
  const found: Jump[] = [];
  let previous: number | null = null;
  for (const row of rows) {
    if (row.accumulated === null) continue;
    const feeding = row.summary?.predecessors
      .map((index) => rows[index]?.accumulated ?? null)
      .filter((value) => value !== null);
    const before = feeding?.length ? Math.min(...feeding) : previous;
    previous = row.accumulated;
    if (before !== null && before - row.accumulated >= 3)
      found.push({ index: row.index, name: row.name, drop: before - row.accumulated });
  }
  return found.sort((a, b) => b.drop - a.drop).slice(0, most);
}

/** Round ticks that cover [low, high], at most `wanted` of them. */
export function ticks(low: number, high: number, wanted = 6): number[] {
  const raw = (high - low || 1) / wanted;
  const size = 10 ** Math.floor(Math.log10(raw));
  const stepSize = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw) ?? raw;
  const all: number[] = [];
  for (let at = Math.ceil(low / stepSize) * stepSize; at <= high + 1e-9; at += stepSize)
    all.push(Math.round(at / stepSize) * stepSize);
  return all;
}

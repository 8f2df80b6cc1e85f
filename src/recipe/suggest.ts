/**
 * Damerau–Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps
 * of neighbours each count 1. Gives up with `limit + 1` as soon as the distance must exceed `limit`.
 */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (previous[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least > limit && Math.min(...previous) > limit) return limit + 1;
    before = previous;
    previous = row;
  }
  return previous[b.length] as number;
}

/**
 * The candidates that `word` may have been meant as, nearest first, at most `count`. A candidate counts if
 * it is at most a third of the word away (at least 1), or if one is a part of the other; case is ignored.
 */
export function suggest(word: string, candidates: Iterable<string>, count = 3): string[] {
  const wanted = word.toLowerCase();
  if (!wanted) return [];
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const lower = candidate.toLowerCase();
    let distance = editDistance(wanted, lower, limit);
    // `conv5` for `/features/conv5/Conv`: part of a name, ranked after plain misspellings
    const part = lower.includes(wanted) || (lower.length > 2 && wanted.includes(lower));
    if (distance > limit && wanted.length > 2 && part)
      distance = limit + 1 + Math.abs(lower.length - wanted.length) / 1000;
    else if (distance > limit) continue;
    near.push({ candidate, distance });
  }
  near.sort((x, y) => x.distance - y.distance || (x.candidate < y.candidate ? -1 : 1));
  return near.slice(0, count).map(({ candidate }) => candidate);
}

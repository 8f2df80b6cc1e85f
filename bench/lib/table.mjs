// Tables, numbers and verdicts of the bench.

/** Rows as a Markdown table; prettier aligns it later. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const minus = (text) => text.replace('-', '−');
export const fixed = (value, digits) => minus(value.toFixed(digits));
export const percent = (value, digits = 1) => `${fixed(value * 100, digits)} %`;
export const ms = (value) => `${fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
export const signed = (value, digits) => (value > 0 ? '+' : '') + fixed(value, digits);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What was required, and whether it was reached. */
export class Tally {
  total = 0;
  /** What was missed, in words. */
  misses = [];

  /** Counts a requirement; returns `ok` or `MISS`. */
  check(what, met) {
    this.total++;
    if (!met) this.misses.push(what);
    return met ? 'ok' : '**MISS**';
  }
}

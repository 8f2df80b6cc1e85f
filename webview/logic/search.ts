import type { LayerRow } from './rows';

const FIELDS: Record<string, (row: LayerRow) => number | null> = {
  local: (row) => row.local,
  acc: (row) => row.accumulated,
  accumulated: (row) => row.accumulated,
  only: (row) => row.onlyThis,
  share: (row) => row.share && row.share * 100,
  costs: (row) => row.costs,
  clip: (row) => row.clip && row.clip * 100,
  used: (row) => row.used && row.used * 100,
  span: (row) => row.weightSpan,
};

/**
 * Whether a row answers to every word of a query: a part of its name, operator or kernel, a precision
 * (`int8`, `fp32`), or a comparison such as `acc<20`, `share>5` (percent), `costs>1` (dB).
 */
export function matches(row: LayerRow, query: string): boolean {
  const text = [row.name, row.kind, row.op, row.result?.kernel ?? '', precisionWord(row)]
    .join(' ')
    .toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => {
      const comparison = /^([a-z]+)([<>])=?(-?\d+(?:\.\d+)?)$/.exec(word);
      const field = comparison && FIELDS[comparison[1] ?? ''];
      if (!field) return text.includes(word);
      const value = field(row);
      const limit = Number(comparison[3]);
      return value !== null && (comparison[2] === '<' ? value < limit : value > limit);
    });
}

function precisionWord(row: LayerRow): string {
  const precision = row.executed ?? row.written;
  if (precision === null) return '';
  return precision === 'float32' ? 'float32 fp32' : precision;
}

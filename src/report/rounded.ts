import type { RunResult } from '../results';
import { count, decibels, percent } from './figures/numbers';

/** The row of before and after for float16 with every value rounded; null where that was not run. */
export function roundedRow({ rounded }: RunResult): string[] | null {
  if (!rounded || rounded.outputs.length === 0) return null;
  const { samples, outputs, sameLabel } = rounded;
  const worst = Math.min(...outputs.map((o) => o.sqnrDb));
  const bad = outputs.reduce((sum, o) => sum + o.notFinite, 0);
  const labels = sameLabel === null ? '' : `, ${percent(sameLabel)} same label`;
  const broken = bad > 0 ? `, ${count(bad)} values NaN or infinite` : '';
  return [
    'Every value rounded, as on a GPU',
    '',
    decibels(worst),
    `n = ${samples}${labels}${broken}`,
  ];
}

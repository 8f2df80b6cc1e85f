import type { LayerResult, RunResult } from '../results';
import { decibels, notMeasured, percent } from './figures/numbers';

/**
 * What a layer does on x86 without VNNI, in a few words: `same`, `14 of 16 channels can clip`, or what clipped and how far
 * its result then is from the exact one. A dash where its kernel adds no pairs.
 */
export function withoutVnniText({ withoutVnni }: Pick<LayerResult, 'withoutVnni'>): string {
  if (!withoutVnni) return notMeasured;
  const { channels, canClip, clippedShare, sqnrDb } = withoutVnni;
  if (canClip === 0) return 'same';
  if (clippedShare === null) return `${canClip}/${channels} can clip`;
  if (clippedShare === 0) return `same here, ${canClip}/${channels} can clip`;
  return `${percent(clippedShare)} clip, ${decibels(sqnrDb)}`;
}

/** The row of before and after; null where nothing was run without VNNI. */
export function withoutVnniRow({ withoutVnni }: RunResult): string[] | null {
  if (!withoutVnni) return null;
  const { samples, outputs, sameLabel } = withoutVnni;
  const worst = Math.min(...outputs.map((o) => o.sqnrDb));
  const labels = sameLabel === null ? '' : `, ${percent(sameLabel)} same label`;
  return [
    'On x86 without VNNI',
    '',
    worst >= 150 ? 'the same as INT8' : `${decibels(worst)} of INT8`,
    `n = ${samples}${labels}`,
  ];
}

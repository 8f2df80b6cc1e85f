import type { LayerMatch, LayerResult, RunResult } from '../../results';
import { db, percent, significant } from './numbers';
import type { Table } from './table';

/** So many layers are shown where there is no room for all. */
const WORST = 10;

/** Everything measured of each layer's errors; `most` leaves those whose output is furthest from FP32's. */
export function errorsTable(result: RunResult, most = Infinity): Table {
  const measured = result.layers.filter(({ local, accumulated }) => local ?? accumulated);
  const far = ({ accumulated, local }: LayerResult) => (accumulated ?? local)!.sqnrDb;
  const shown =
    measured.length > most ? measured.sort((a, b) => far(a) - far(b)).slice(0, most) : measured;
  return {
    columns: [
      { name: 'Layer' },
      { name: 'Local, dB', right: true },
      { name: 'Cosine', right: true },
      { name: 'Max', right: true },
      { name: 'rmse/scale', right: true },
      { name: 'Accumulated, dB', right: true },
      { name: 'Cosine', right: true },
      { name: 'Max', right: true },
      { name: 'rmse/scale', right: true },
      { name: 'Skew', right: true },
      { name: 'Kurtosis', right: true },
      { name: 'Clipped', right: true },
      { name: 'Codes', right: true },
    ],
    rows: shown.map(({ name, local, accumulated, noise, clipRate, utilisation }) => [
      name,
      db(local?.sqnrDb),
      cosine(local?.cosine),
      significant(local?.maxAbs),
      significant(noise?.local?.rmsePerScale),
      db(accumulated?.sqnrDb),
      cosine(accumulated?.cosine),
      significant(accumulated?.maxAbs),
      significant(noise?.accumulated?.rmsePerScale),
      significant(noise?.accumulated?.skew),
      significant(noise?.accumulated?.kurtosis),
      percent(clipRate),
      percent(utilisation),
    ]),
  };
}

/** The same of the worst, for terminals. */
export function worstErrorsTable(result: RunResult): Table {
  const table = errorsTable(result, WORST);
  return { ...table, caption: `Errors of the ${table.rows.length} layers furthest from FP32` };
}

/** How many layers were found again, in a sentence. */
export function matchSentence({ found, of, unmatched }: LayerMatch): string {
  const rest = unmatched.length > 0 ? `; not ${unmatched.join(', ')}` : '';
  return `${found} of ${of} layers were found in the written model (${percent(of > 0 ? found / of : 1)})${rest}.`;
}

function cosine(value: number | null | undefined): string {
  return value === null || value === undefined ? significant(null) : value.toFixed(4);
}

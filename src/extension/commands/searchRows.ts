import { bytes } from '../../report/figures/numbers';
import { speedText, trialFigures } from '../../report/figures/trial';
import type { SearchResult, SearchTry } from '../../results';

/** One candidate of a search, as a list shows it. */
export interface SearchRow {
  /** Null for FP32. */
  candidate: SearchTry | null;
  label: string;
  /** Speed, closeness and size, as far as they were measured. */
  figures: string;
  /** Why it won, or what became of it. */
  detail: string;
  wins: boolean;
}

/** What can be picked: the winner first, then FP32 and all that were measured, the faster before the slower. */
export function searchRows(result: SearchResult): SearchRow[] {
  const speed = ({ candidate }: SearchRow) => candidate?.latency?.speedup ?? 1;
  const measured = result.tries.filter(({ samples, latency }) => samples > 0 && latency !== null);
  const rows = [float32(result), ...measured.map((one) => rowOf(one, result))];
  return rows.sort((a, b) => Number(b.wins) - Number(a.wins) || speed(b) - speed(a));
}

function float32({ chosen, fp32Bytes, reason }: SearchResult): SearchRow {
  const wins = chosen === null;
  const detail = wins ? reason : '';
  return { candidate: null, label: 'FP32', figures: bytes(fp32Bytes), detail, wins };
}

function rowOf(candidate: SearchTry, { reason }: SearchResult): SearchRow {
  const { name, latency, why } = candidate;
  const wins = candidate.state === 'chosen';
  const figures = [speedText(latency!), ...trialFigures(candidate)];
  const detail = wins ? reason : (why ?? '');
  return { candidate, label: name, figures: figures.filter((f) => f).join(' · '), detail, wins };
}

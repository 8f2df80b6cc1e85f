import { bytes, significant } from '../../report/figures/numbers';
import { speedText, trialFigures } from '../../report/figures/trial';
import { MODE_NAMES } from '../../report/modes';
import type { Mode, ModeChoice, ModeTrial } from '../../results';

/** One mode that was measured, as a list shows it. */
export interface ChoiceRow {
  mode: Mode;
  label: string;
  /** Speed, closeness and size, as far as they were measured. */
  figures: string;
  /** Why it won, what it misses, or why it could not be written; empty where there is nothing to say. */
  detail: string;
  wins: boolean;
  failure: ModeTrial['failure'];
}

/** The modes of a choice: the winner first, then the faster before the slower, what failed last. */
export function choiceRows(choice: ModeChoice): ChoiceRow[] {
  const speed = (mode: Mode) =>
    choice.trials.find((trial) => trial.mode === mode)?.latency?.speedup ?? 1;
  const rank = (row: ChoiceRow) => (row.wins ? 0 : row.failure ? 2 : 1);
  return [float32(choice), ...choice.trials.map((trial) => rowOf(trial, choice))].sort(
    (a, b) => rank(a) - rank(b) || speed(b.mode) - speed(a.mode),
  );
}

function float32(choice: ModeChoice): ChoiceRow {
  const base = choice.trials.find(({ latency }) => latency)?.latency;
  const wins = choice.winner === 'float32';
  return {
    mode: 'float32',
    label: MODE_NAMES.float32.long,
    figures: join([base ? `p50 ${significant(base.fp32P50)} ms` : '', bytes(choice.fp32Bytes)]),
    detail: wins ? choice.reason : '',
    wins,
    failure: null,
  };
}

function rowOf(trial: ModeTrial, choice: ModeChoice): ChoiceRow {
  const { mode, failure, latency, misses } = trial;
  const wins = choice.winner === mode;
  return {
    mode,
    label: MODE_NAMES[mode].long,
    figures: join([
      latency ? `${speedText(latency)}, p50 ${significant(latency.int8P50)} ms` : '',
      ...trialFigures(trial),
    ]),
    detail: failure?.message ?? (wins ? choice.reason : (misses ?? '')),
    wins,
    failure,
  };
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

import type { LatencyResult } from '../../../src/protocol';
import { t } from '../../l10n';
import { fixed, NONE, threads as threadsOf } from '../../logic/format';
import { Icon } from './marks';
import { samplesText, type Samples } from './samples';

/** Head of the row of one trial; the one that won carries a mark. */
export function TrialName({ name, wins }: { name: string; wins: boolean }) {
  return (
    <th scope="row">
      {wins && <Icon name="pass" />} {name}
      {wins && <span class="sr"> {t('choice.won')}</span>}
    </th>
  );
}

/** A speed-up with its interval. @param mark stands behind the number */
export function SpeedCell({
  latency,
  mark = '',
}: {
  latency: Pick<LatencyResult, 'speedup' | 'low' | 'high'> | null;
  mark?: string;
}) {
  if (!latency) return <td class="n">{NONE}</td>;
  return (
    <td class="n">
      {fixed(latency.speedup, 2)}
      {mark}{' '}
      <small class="dim">
        {fixed(latency.low, 2)} … {fixed(latency.high, 2)}
      </small>
    </td>
  );
}

interface MeasuredOn extends Samples {
  machine: string;
  threads: number;
}

/** What trials were measured on. */
export function MeasuredOn({ machine, threads, ...on }: MeasuredOn) {
  return (
    <p class="dim small">
      {samplesText(on)} · {t('from.runtimeIs', { runtime: machine, threads: threadsOf(threads) })}
    </p>
  );
}

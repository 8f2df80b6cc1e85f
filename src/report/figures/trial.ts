import type { LatencyResult, ModeTrial } from '../../results';
import { metricName, metricValue } from '../metric';
import { bytes, decibels, significant } from './numbers';

/** A speed-up with its interval, e.g. `1.90 × (1.82 … 2.04)`. */
export function speedText({
  speedup,
  low,
  high,
}: Pick<LatencyResult, 'speedup' | 'low' | 'high'>): string {
  return `${speedup.toFixed(2)} × (${low.toFixed(2)} … ${high.toFixed(2)})`;
}

/** What was measured of a trial beside its times: closeness, accuracy and size, as far as they were. */
export function trialFigures(trial: ModeTrial): string[] {
  const { worstDb, accuracy, agreement } = trial;
  return [
    worstDb === null ? '' : decibels(worstDb),
    accuracy
      ? `${metricName(accuracy)} ${metricValue(accuracy, accuracy.int8)}, n = ${accuracy.n}`
      : '',
    !accuracy && agreement
      ? `agreement ${significant(agreement.value * 100)} %, n = ${agreement.n}`
      : '',
    trial.bytes === null ? '' : bytes(trial.bytes),
  ].filter((figure) => figure !== '');
}

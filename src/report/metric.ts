/** How metrics and their values read. */
import type { AccuracyResult } from '../results';
import { significant } from './figures/numbers';

type Named = Pick<AccuracyResult, 'metric' | 'own'>;

const SHARES: ReadonlySet<AccuracyResult['metric']> = new Set(['top1', 'top5', 'agreement']);

/** True where a metric is a share of the samples, of which people read percent and points. */
export function isShare(metric: AccuracyResult['metric']): boolean {
  return SHARES.has(metric);
}

/** What a metric is called; results of older versions know none of the user's own. */
export function metricName({ metric, own }: Named): string {
  return own?.name ?? metric;
}

/** What stands behind its values, with a space before it; empty for none. */
export function metricUnit({ own }: Named): string {
  return own?.unit ? ` ${own.unit}` : '';
}

/** A value of it. */
export function metricValue(accuracy: Named, value: number): string {
  return `${significant(value)}${metricUnit(accuracy)}`;
}

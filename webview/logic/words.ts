import type { Precision, RunResult } from '../../src/protocol';
import { t } from '../l10n';
import { precisionName } from './columns';

/** The precision that a run wrote beside FP32, where it is a single one; null where there are several or none. */
export function formatOf(result: Pick<RunResult, 'layers'>): Precision | null {
  const written = new Set(result.layers.map(({ precision }) => precision));
  written.delete('float32');
  const [only, ...more] = written;
  return only === undefined || only === 'mixed' || more.length > 0 ? null : only;
}

/** What the written model is called beside FP32: `INT8`, `INT4`, `FP16`, or just the written one. */
export function formatName(result: Pick<RunResult, 'layers'>): string {
  const format = formatOf(result);
  return format === null ? t('format.written') : precisionName(format);
}

/** Which columns measuring the sensitivity of layers fills, and in what order rows stand then. Pure. */
import type {
  LayerSensitivityRow,
  SensitivityMeasure,
  SensitivityReport,
  SensitivityStage,
} from '../../src/protocol';
import type { ColumnId } from './columns';
import type { Sort } from './sort';

/** The column that a measure is read in. */
const COLUMN: Record<Exclude<SensitivityMeasure, 'sqnr'>, ColumnId> = {
  cosine: 'lacksCosine',
  kl: 'kl',
  'same-label': 'sameLabel',
  metric: 'metricOnly',
};
const BY_STAGE: Record<SensitivityStage, ColumnId> = {
  analytic: 'expected',
  'two-pass': 'twoPass',
  exact: 'onlyThis',
};

/** Columns that a report fills; those of measures that it was not asked to compare by are a click away. */
export function sensitivityColumns(report: SensitivityReport | null): ReadonlySet<ColumnId> {
  if (!report) return new Set();
  const has = (of: (layer: LayerSensitivityRow) => unknown) =>
    report.layers.some((layer) => of(layer) !== null);
  const filled: [ColumnId, boolean][] = [
    ['expected', has((l) => l.expectedDb)],
    ['twoPass', has((l) => l.twoPassDb)],
    ['onlyThis', has((l) => l.onlyThis)],
    ['onlyWeights', has((l) => l.weights)],
    ['onlyInputs', has((l) => l.activations)],
    ['allButThis', has((l) => l.allButThis)],
    ['metricOnly', has((l) => l.metric?.onlyThis ?? null)],
    ['metricBut', has((l) => l.metric?.allButThis ?? null)],
    ['metricBuys', has((l) => l.metric?.buys ?? null)],
    ['kl', report.measure === 'kl' && has((l) => l.onlyThis?.klNats ?? null)],
    ['lacksCosine', report.measure === 'cosine' && has((l) => l.onlyThis)],
    ['sameLabel', report.measure === 'same-label' && has((l) => l.onlyThis?.sameLabel ?? null)],
  ];
  return new Set(filled.filter(([, any]) => any).map(([id]) => id));
}

/** The worst first, by what layers were compared by as far as it came. */
export function sensitivitySort(report: SensitivityReport): Sort {
  if (report.measure !== 'sqnr') {
    const column = COLUMN[report.measure];
    return { column, descending: column !== 'sameLabel' };
  }
  return report.shareBy && { column: BY_STAGE[report.shareBy], descending: false };
}

/** What quantizing each layer does to the outputs: what a run found, and what measuring that by itself did. Pure. */
import type {
  FoundWhen,
  LayerResult,
  LayerSensitivityRow,
  RunResult,
  SensitivityMeasure,
  SensitivityReport,
  SensitivityStage,
} from '../../src/protocol';
import type { ColumnId } from './columns';
import type { LayerRow } from './rows';
import type { Sort } from './sort';

/** A report, and when it was found. */
export interface Measurement {
  report: SensitivityReport;
  when: FoundWhen | null;
}

type Noise = Pick<
  LayerRow,
  | 'onlyThis'
  | 'alone'
  | 'expected'
  | 'twoPass'
  | 'cameIn'
  | 'share'
  | 'shareBy'
  | 'costs'
  | 'sensitivity'
>;

const RANK: readonly (SensitivityStage | null)[] = [null, 'analytic', 'two-pass', 'exact'];

/**
 * The numbers of a layer by its name, and what a run found of it:
 * 1. Where both know one, the newer stands.
 * 2. Shares of the noise are all from one of the two: from the better stage, where that is the same from the newer.
 */
export function measuredLayers(
  result: RunResult | null,
  measurement: Measurement | null,
): (name: string, found: LayerResult | null) => Noise {
  const report = measurement?.report ?? null;
  const byName = new Map(report?.layers.map((layer) => [layer.layer, layer]));
  const at = measurement?.when?.finishedAt ?? '';
  const reportFirst = report !== null && (result === null || at > result.finishedAt);
  const ranBy = runShareBy(result);
  const [ofReport, ofRun] = [RANK.indexOf(report?.shareBy ?? null), RANK.indexOf(ranBy)];
  const sharesOfReport = ofReport > ofRun || (ofReport === ofRun && reportFirst);
  const shareBy = sharesOfReport ? (report?.shareBy ?? null) : ranBy;
  return (name, found) => {
    const own = byName.get(name) ?? null;
    const newer = <T>(measured: T | null | undefined, ran: T | null | undefined): T | null =>
      (reportFirst ? (measured ?? ran) : (ran ?? measured)) ?? null;
    const share = (sharesOfReport ? own?.share : found?.noiseShare) ?? null;
    return {
      onlyThis: newer(own?.onlyThis?.sqnrDb, found?.onlyThisDb),
      alone: newer(own?.onlyThis, found?.onlyThis),
      expected: newer(own?.expectedDb, found?.expectedDb),
      twoPass: newer(own?.twoPassDb, found?.twoPassDb),
      cameIn: newer(own?.cameIn, found?.cameIn),
      share,
      shareBy: share === null ? null : shareBy,
      costs: newer(own?.costsDb, found?.costsDb),
      sensitivity: own,
    };
  };
}

/** What the shares of a run were read from. */
function runShareBy(result: RunResult | null): SensitivityStage | null {
  const known = result?.layers.find(({ noiseShare }) => noiseShare !== null);
  // results of older versions do not say: theirs were run
  return known ? (known.noiseShareBy ?? 'exact') : null;
}

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

/** What the recipe's metric lost, so that more is worse; null where it was not measured. */
export function metricLoss(row: LayerRow, which: 'onlyThis' | 'allButThis'): number | null {
  const found = row.sensitivity?.metric?.[which] ?? null;
  if (!found) return null;
  const change = found.fp32 === null ? found.int8 : found.int8 - found.fp32;
  return found.higherIsBetter ? -change : change;
}

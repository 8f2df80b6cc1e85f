import { count, countUnit, db, fixed, NONE, percent, shape, significant } from './format';
import type {
  AccuracyResult,
  LayerSensitivityRow,
  LayerShare,
  LayerWithoutVnni,
  NoiseShape,
} from '../../src/protocol';
import type { LayerRow } from './rows';
import type { Measure } from './scale';
import { metricLoss } from './measured';
import { accuracyGap, metricValue } from './measures';

export type ColumnId =
  | 'precision'
  | 'name'
  | 'kind'
  | 'shape'
  | 'macs'
  | 'parameters'
  | 'range'
  | 'bounds'
  | 'scale'
  | 'weightSpan'
  | 'written'
  | 'executed'
  | 'kernel'
  | 'local'
  | 'accumulated'
  | 'onlyThis'
  | 'onlyWeights'
  | 'onlyInputs'
  | 'allButThis'
  | 'kl'
  | 'lacksCosine'
  | 'sameLabel'
  | 'metricOnly'
  | 'metricBut'
  | 'metricBuys'
  | 'expected'
  | 'twoPass'
  | 'cameIn'
  | 'gain'
  | 'share'
  | 'costs'
  | 'clip'
  | 'used'
  | 'cosine'
  | 'maxAbs'
  | 'localCosine'
  | 'localMaxAbs'
  | 'localRmse'
  | 'rmse'
  | 'skew'
  | 'kurtosis'
  | 'timeFp32'
  | 'timeInt8'
  | 'timeChange'
  | 'withoutVnni'
  | 'reason';

export interface Column {
  id: ColumnId;
  /** Width as a grid track. */
  width: string;
  align: 'start' | 'end';
  /** What it is sorted by; text sorts by locale, null goes last. */
  by: (row: LayerRow) => number | string | null;
  /** Plain text of the cell, for people and for CSV. */
  text: (row: LayerRow) => string;
  /** The scale that colours it. */
  heat?: Measure;
  shown: boolean;
}

const number = (value: number | null, write: (value: number) => string) =>
  value === null ? NONE : write(value);
const percent1 = (value: number) => fixed(value * 100, 1);

/** Every column of the Layers table, in its order. */
export const COLUMNS: readonly Column[] = [
  col(
    'precision',
    '34px',
    'start',
    (r) => (r.kept ? 1 : 0),
    (r) => (r.kept ? 'keep' : 'quantize'),
  ),
  col(
    'name',
    'minmax(132px, 1.2fr)',
    'start',
    (r) => r.name,
    (r) => r.name,
  ),
  col(
    'kind',
    'minmax(126px, 1fr)',
    'start',
    (r) => r.kind,
    (r) => r.kind,
  ),
  col(
    'shape',
    '112px',
    'end',
    (r) => elements(r),
    (r) => shape(r.shape),
  ),
  col(
    'macs',
    '68px',
    'end',
    (r) => r.macs,
    (r) => number(r.macs, count),
  ),
  col(
    'parameters',
    '68px',
    'end',
    (r) => r.parameters,
    (r) => number(r.parameters, count),
    false,
  ),
  col('range', '80px', 'end', (r) => r.range && r.range.max - r.range.min, bounds),
  col('bounds', '104px', 'end', (r) => r.range && r.range.max, bounds, false),
  col(
    'scale',
    '70px',
    'end',
    (r) => r.range?.scale ?? null,
    (r) => number(r.range?.scale ?? null, significant),
    false,
  ),
  col(
    'weightSpan',
    '78px',
    'end',
    (r) => r.weightSpan,
    (r) => number(r.weightSpan, significant),
  ),
  col(
    'written',
    '62px',
    'start',
    (r) => r.written,
    (r) => precisionName(r.written),
    false,
  ),
  col(
    'executed',
    '74px',
    'start',
    (r) => r.executed,
    (r) => precisionName(r.executed),
  ),
  col(
    'kernel',
    '110px',
    'start',
    (r) => r.result?.kernel ?? null,
    (r) => r.result?.kernel ?? NONE,
    false,
  ),
  ...(
    [
      ['kl', (r) => r.alone?.klNats ?? null, significant],
      ['lacksCosine', (r) => (r.alone ? 1 - r.alone.cosine : null), significant],
      ['sameLabel', (r) => r.alone?.sameLabel ?? null, percent1],
    ] as [ColumnId, (row: LayerRow) => number | null, (value: number) => string][]
  ).map(([id, by, write]) => col(id, '84px', 'end', by, (r) => number(by(r), write), false)),
  col(
    'metricOnly',
    '178px',
    'end',
    (r) => metricLoss(r.sensitivity?.metric?.onlyThis ?? null),
    (r) => metricText(r.sensitivity?.metric?.onlyThis ?? null),
    false,
  ),
  col(
    'metricBut',
    '178px',
    'end',
    (r) => metricLoss(r.sensitivity?.metric?.allButThis ?? null),
    (r) => metricText(r.sensitivity?.metric?.allButThis ?? null),
    false,
  ),
  col(
    'metricBuys',
    '178px',
    'end',
    (r) => r.sensitivity?.metric?.buys?.value ?? null,
    (r) => buysText(r.sensitivity?.metric ?? null),
    false,
  ),
  heat('local', '66px', (r) => r.local, db),
  heat('accumulated', '86px', (r) => r.accumulated, db),
  heat('onlyThis', '66px', (r) => r.onlyThis, db, false),
  heat('onlyWeights', '80px', (r) => r.sensitivity?.weights?.sqnrDb ?? null, db, false),
  heat('onlyInputs', '66px', (r) => r.sensitivity?.activations?.sqnrDb ?? null, db, false),
  col(
    'allButThis',
    '76px',
    'end',
    (r) => r.sensitivity?.allButThis?.sqnrDb ?? null,
    (r) => db(r.sensitivity?.allButThis?.sqnrDb),
    false,
  ),
  heat('twoPass', '88px', (r) => r.twoPass, db, false),
  heat('expected', '90px', (r) => r.expected, db, false),
  col(
    'cameIn',
    '76px',
    'end',
    (r) => r.cameIn?.share ?? null,
    (r) => number(r.cameIn?.share ?? null, percent1),
    false,
  ),
  col(
    'gain',
    '66px',
    'end',
    (r) => r.cameIn?.gainDb ?? null,
    (r) => number(r.cameIn?.gainDb ?? null, (v) => fixed(v, 1)),
    false,
  ),
  {
    ...col(
      'share',
      '66px',
      'end',
      (r) => r.share,
      (r) => number(r.share, (v) => shareText(v, r.shareBy)),
    ),
    heat: 'share',
  },
  col(
    'costs',
    '66px',
    'end',
    (r) => r.costs,
    (r) => number(r.costs, (v) => fixed(v, 1)),
  ),
  heat(
    'clip',
    '74px',
    (r) => r.clip,
    (v) => number(v, percent),
    false,
  ),
  heat(
    'used',
    '66px',
    (r) => r.used,
    (v) => number(v, percent1),
    false,
  ),
  col(
    'cosine',
    '66px',
    'end',
    (r) => r.result?.accumulated?.cosine ?? null,
    (r) => number(r.result?.accumulated?.cosine ?? null, (v) => fixed(v, 4)),
    false,
  ),
  col(
    'maxAbs',
    '66px',
    'end',
    (r) => r.result?.accumulated?.maxAbs ?? null,
    (r) => number(r.result?.accumulated?.maxAbs ?? null, significant),
    false,
  ),
  ...(
    [
      ['localCosine', (r) => r.result?.local?.cosine ?? null, (v) => fixed(v, 4)],
      ['localMaxAbs', (r) => r.result?.local?.maxAbs ?? null, significant],
      ['localRmse', (r) => noise(r, 'local')?.rmsePerScale ?? null, significant],
      ['rmse', (r) => noise(r, 'accumulated')?.rmsePerScale ?? null, significant],
      ['skew', (r) => noise(r, 'accumulated')?.skew ?? null, significant],
      ['kurtosis', (r) => noise(r, 'accumulated')?.kurtosis ?? null, significant],
    ] as [ColumnId, (row: LayerRow) => number | null, (value: number) => string][]
  ).map(([id, by, write]) => col(id, '76px', 'end', by, (r) => number(by(r), write), false)),
  col(
    'timeFp32',
    '76px',
    'end',
    (r) => r.time?.fp32?.ms ?? null,
    (r) => timeText(r.time?.fp32 ?? null),
    false,
  ),
  col(
    'timeInt8',
    '76px',
    'end',
    (r) => r.time?.int8?.ms ?? null,
    (r) => timeText(r.time?.int8 ?? null),
    false,
  ),
  col(
    'timeChange',
    '84px',
    'end',
    (r) => r.time?.changeMs?.value ?? null,
    (r) => number(r.time?.changeMs?.value ?? null, significant),
    false,
  ),
  col(
    'withoutVnni',
    '92px',
    'end',
    (r) => r.result?.withoutVnni?.clippedShare ?? r.result?.withoutVnni?.canClip ?? null,
    (r) => withoutVnni(r.result?.withoutVnni ?? null),
  ),
  col(
    'reason',
    'minmax(120px, 1fr)',
    'start',
    (r) => r.result?.reason ?? null,
    (r) => r.result?.reason ?? '',
    false,
  ),
];

function col(
  id: ColumnId,
  width: string,
  align: Column['align'],
  by: Column['by'],
  text: Column['text'],
  shown = true,
): Column {
  return { id, width, align, by, text, shown };
}

function heat(
  id: ColumnId & Measure,
  width: string,
  by: (row: LayerRow) => number | null,
  write: (value: number | null) => string,
  shown = true,
): Column {
  return { id, width, align: 'end', by, text: (row) => write(by(row)), heat: id, shown };
}

/** What a noise looks like; results of older versions do not say. */
function noise({ result }: LayerRow, which: 'local' | 'accumulated'): NoiseShape | null {
  return result?.noise?.[which] ?? null;
}

function bounds(row: LayerRow): string {
  return row.range ? `${significant(row.range.min)} … ${significant(row.range.max)}` : NONE;
}

function elements(row: LayerRow): number | null {
  if (!row.shape) return null;
  return row.shape.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 1), 1);
}

/** Percent of the noise; ≈ where that is estimated. */
export function shareText(share: number, by: LayerRow['shareBy']): string {
  return `${by === 'exact' ? '' : '≈ '}${percent1(share)}`;
}

/** The value, and the interval of its difference to FP32's. */
function metricText(found: AccuracyResult | null): string {
  if (!found) return NONE;
  const gap = accuracyGap(found);
  return `${metricValue(found, found.int8)}${gap ? ` (${gap.low} … ${gap.high})` : ''}`;
}

/** What keeping a layer buys of the metric, and its interval; `?` where the samples are too few to tell it from nothing. */
function buysText(found: NonNullable<LayerSensitivityRow['metric']> | null): string {
  const buys = found?.buys;
  if (!buys) return NONE;
  // written as a difference of the metric is
  const gap = accuracyGap({ ...found.allButThis!, ...buys, fp32: 0, int8: buys.value });
  return gap ? `${gap.text} (${gap.low} … ${gap.high})${buys.unproven ? ' ?' : ''}` : NONE;
}

/** Milliseconds of its own kernels; `↑` where another layer's kernel runs it. */
function timeText(share: LayerShare | null): string {
  if (!share) return NONE;
  return share.in === null ? significant(share.ms) : '↑';
}

/** Percent of the values in which products clip on x86 without VNNI, or how many channels could; `=` where none can. */
function withoutVnni(found: LayerWithoutVnni | null): string {
  if (!found) return NONE;
  if (found.canClip === 0) return '=';
  if (found.clippedShare !== null) return percent1(found.clippedShare);
  return `${found.canClip}/${found.channels}?`;
}

/** How a precision is written beside a layer. */
export function precisionName(precision: LayerRow['written']): string {
  switch (precision) {
    case null:
      return NONE;
    case 'int4':
      return 'INT4';
    case 'int8':
      return 'INT8';
    case 'int16':
      return 'INT16';
    case 'float32':
      return 'FP32';
    case 'float16':
      return 'FP16';
    case 'bfloat16':
      return 'BF16';
    case 'mixed':
      return 'mixed';
  }
}

/** MACs (or parameters) of a column in one unit, so that the eye can compare them. */
export function columnUnit(rows: readonly LayerRow[], id: 'macs' | 'parameters') {
  return countUnit(rows.reduce((most, row) => Math.max(most, row[id] ?? 0), 0));
}

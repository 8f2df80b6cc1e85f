/** What the stages found, layer by layer. */
import { experimentName, type Measured } from '../../analyze/grouped-sensitivity';
import type { LocalError } from '../../analyze/layer-errors';
import type { AccuracyResult, OutputMeasures, SensitivityStage } from '../../results';
import type { LayerSensitivityRow, SensitivityMeasure } from '../../results-sensitivity';
import { relative } from '../mixed/noises';
import { noiseOfDb, noiseShares, ownResultOf } from '../noise-shares';
import { resultsOf } from '../stages/layers';
import type { TwoPass } from '../stages/two-pass';
import type { Study } from '../study';

/** What is known so far, by layer. */
export interface Known {
  /** Null before the stage, and in modes without ranges. */
  expected: ReadonlyMap<string, number> | null;
  twoPass: TwoPass | null;
  local: ReadonlyMap<string, LocalError>;
  /** By experiment. */
  alone: Measured;
  allButThis: Map<string, OutputMeasures>;
  metrics: ReadonlyMap<string, NonNullable<LayerSensitivityRow['metric']>>;
}

/** Each layer's part of the noise, by the last stage that all of them are known of; none before any. */
export function sharesOf(
  { quantized }: Study,
  { expected, twoPass, alone }: Known,
  layers: readonly string[],
): { shares: Map<string, number>; by: SensitivityStage | null } {
  const found = noiseShares(layers, resultsOf(quantized), {
    exact: (name) => (alone.has(name) ? relative(alone.get(name)!) : null),
    'two-pass': (name) => noiseOfDb(twoPass?.db?.get(name)),
    analytic: (name) => noiseOfDb(expected?.get(name)),
  });
  if (!found || found.layers.size < layers.length) return { shares: new Map(), by: null };
  return {
    shares: new Map([...found.layers].map(([name, { share }]) => [name, share])),
    by: found.stage,
  };
}

/** A row for every layer that something is known of, in graph order. */
export function rowsOf(
  { quantized }: Study,
  known: Known,
  shares: ReadonlyMap<string, number>,
  whole: OutputMeasures | null,
): LayerSensitivityRow[] {
  const own = resultsOf(quantized);
  return quantized.units.flatMap(({ unit, integer }): LayerSensitivityRow[] => {
    const { name } = unit;
    const part = (parts: 'weights' | 'activations') =>
      known.alone.get(experimentName({ unit, parts }))?.measures ?? null;
    const allButThis = known.allButThis.get(name) ?? null;
    const row: LayerSensitivityRow = {
      layer: name,
      op: unit.sourceOp,
      quantized: integer,
      expectedDb: known.expected?.get(name) ?? null,
      twoPassDb: known.twoPass?.db?.get(name) ?? null,
      onlyThis: known.alone.get(name)?.measures ?? null,
      weights: part('weights'),
      activations: part('activations'),
      allButThis,
      costsDb: allButThis && whole ? allButThis.sqnrDb - whole.sqnrDb : null,
      madeDb: known.local.get(name)?.closeness.sqnrDb ?? null,
      cameIn: known.twoPass?.cameIn.get(name) ?? null,
      ownResult: own.has(name) ? ownResultOf(name, known) : null,
      share: shares.get(name) ?? null,
      metric: known.metrics.get(name) ?? null,
    };
    const found = [row.expectedDb, row.twoPassDb, row.onlyThis, row.madeDb];
    return integer || found.some((value) => value !== null) ? [row] : [];
  });
}

/** The worst first by a measure; then those that it is not known of, by the noise that is expected of them. */
export function sorted(
  rows: readonly LayerSensitivityRow[],
  measure: SensitivityMeasure,
): LayerSensitivityRow[] {
  const noise = ({ onlyThis, twoPassDb, expectedDb }: LayerSensitivityRow) =>
    -(onlyThis?.sqnrDb ?? twoPassDb ?? expectedDb ?? Infinity);
  const harm = (row: LayerSensitivityRow): number => {
    if (measure === 'metric') return lossOf(row.metric?.onlyThis ?? null) ?? -Infinity;
    return harmBy(measure, row.onlyThis) ?? -Infinity;
  };
  const order = (a: number, b: number) => (a === b ? 0 : b - a);
  return [...rows].sort((a, b) => order(harm(a), harm(b)) || order(noise(a), noise(b)));
}

/** A measure so that more is worse; null where it is not known. */
function harmBy(
  measure: Exclude<SensitivityMeasure, 'metric'>,
  found: OutputMeasures | null,
): number | null {
  if (!found) return null;
  switch (measure) {
    case 'sqnr':
      return -found.sqnrDb;
    case 'cosine':
      return 1 - found.cosine;
    case 'kl':
      return found.klNats;
    case 'same-label':
      return found.sameLabel === null ? null : 1 - found.sameLabel;
  }
}

/** What a metric lost against FP32, whichever way is better; where it compares with FP32 itself, how much it lacks. */
function lossOf(accuracy: AccuracyResult | null): number | null {
  if (!accuracy) return null;
  const change = accuracy.fp32 === null ? accuracy.int8 : accuracy.int8 - accuracy.fp32;
  return accuracy.higherIsBetter ? -change : change;
}

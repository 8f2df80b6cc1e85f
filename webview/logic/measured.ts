/** The noise of layers: what a run found, and what measuring their sensitivity by itself did. Pure. */
import type {
  AccuracyResult,
  FoundWhen,
  LayerResult,
  LayerSensitivityRow,
  NoiseCameIn,
  OutputMeasures,
  RunResult,
  SensitivityReport,
  SensitivityStage,
} from '../../src/protocol';

/** A report, and when it was found. */
export interface Measurement {
  report: SensitivityReport;
  when: FoundWhen | null;
  /** The recipe or the model's file has changed since. */
  changed: boolean;
}

/** What is known of the noise of one layer; what was not measured is null. */
export interface MeasuredLayer {
  /** Output SQNR in dB when only this layer is quantized: run, expected from statistics, estimated from two passes. */
  onlyThis: number | null;
  expected: number | null;
  twoPass: number | null;
  /** The outputs when only this layer is quantized. */
  alone: OutputMeasures | null;
  cameIn: NoiseCameIn | null;
  share: number | null;
  /** What the share was read from; null where there is none. */
  shareBy: SensitivityStage | null;
  costs: number | null;
  /** What measuring the sensitivity of layers found besides. */
  sensitivity: LayerSensitivityRow | null;
}

const RANK: readonly (SensitivityStage | null)[] = [null, 'analytic', 'two-pass', 'exact'];

/**
 * The numbers of a layer by its name, and what a run found of it:
 * 1. Where both know one, the newer stands.
 * 2. Shares of the noise are all from one of the two: from the better stage, where that is the same from the newer. A report that
 *    is older than the run, and of another recipe, gives none where the run has some.
 */
export function measuredLayers(
  result: RunResult | null,
  measurement: Measurement | null,
): (name: string, found: LayerResult | null) => MeasuredLayer {
  const report = measurement?.report ?? null;
  const byName = new Map(report?.layers.map((layer) => [layer.layer, layer]));
  const at = measurement?.when?.finishedAt ?? '';
  const reportFirst = report !== null && (result === null || at > result.finishedAt);
  const ranBy = runShareBy(result);
  const [ofReport, ofRun] = [RANK.indexOf(report?.shareBy ?? null), RANK.indexOf(ranBy)];
  const holds = reportFirst || ranBy === null || !measurement?.changed;
  const sharesOfReport = holds && (ofReport > ofRun || (ofReport === ofRun && reportFirst));
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

/** What the recipe's metric lost, so that more is worse; null where it was not measured. */
export function metricLoss(found: AccuracyResult | null): number | null {
  if (!found) return null;
  const change = found.fp32 === null ? found.int8 : found.int8 - found.fp32;
  return found.higherIsBetter ? -change : change;
}

import type {
  AccuracyResult,
  LayerSensitivityRow,
  OutputMeasures,
  RunResult,
  SensitivityReport,
} from '../../../src/protocol';

const measures = (sqnrDb: number): OutputMeasures => ({
  sqnrDb,
  cosine: 1 - 10 ** (-sqnrDb / 10) / 2,
  klNats: 10 ** (-sqnrDb / 10) / 3,
  sameLabel: 1 - 10 ** (-sqnrDb / 20) / 2,
});

const top1 = (int8: number): AccuracyResult => ({
  ...{ metric: 'top1', fp32: 0.52, int8, low: int8 - 0.55, high: int8 - 0.49, n: 200 },
  ...{ higherIsBetter: true, unproven: int8 > 0.49, own: null, labels: null, neededN: null },
});

/** What measuring the sensitivity of a result's layers may find: all of it, or with the time over behind the analytic stage. */
export function sensitivity({ layers }: RunResult, stopped = false): SensitivityReport {
  const rows = layers.map(({ name, op, onlyThisDb, costsDb, noiseShare }): LayerSensitivityRow => {
    const alone = onlyThisDb ?? 40;
    return {
      layer: name,
      op,
      quantized: true,
      expectedDb: alone - 1.4,
      twoPassDb: stopped ? null : alone + 0.7,
      onlyThis: stopped ? null : measures(alone),
      weights: stopped ? null : measures(alone + 1.1),
      activations: stopped ? null : measures(alone + 6.4),
      allButThis: stopped || costsDb === null ? null : measures(10.9 + costsDb),
      costsDb: stopped ? null : costsDb,
      madeDb: stopped ? null : 24,
      cameIn: stopped ? null : { share: 0.6, gainDb: 0.5 },
      ownResult: null,
      share: noiseShare,
      metric:
        stopped || costsDb === null
          ? null
          : {
              onlyThis: top1(0.52 - costsDb / 40),
              allButThis: top1(0.48 + costsDb / 100),
              buys: {
                ...{ value: costsDb / 100, low: costsDb / 100 - 0.02, high: costsDb / 100 + 0.03 },
                ...{ n: 200, unproven: costsDb < 2, neededN: costsDb < 2 ? 900 : null },
              },
            },
    };
  });
  const n = rows.length;
  const all = { measured: n, of: n };
  return {
    ...{ model: 'mobilenet_v1_0.25.onnx', recipe: 'mobilenet.quant.yaml', target: 'x86-vnni' },
    ...{ mode: 'static', stage: 'exact', measure: 'metric', metric: 'top1' },
    layers: rows.sort((a, b) => (a.expectedDb ?? 0) - (b.expectedDb ?? 0)),
    shareBy: stopped ? 'analytic' : 'exact',
    whole: stopped ? null : measures(10.9),
    wholeMetric: stopped ? null : top1(0.48),
    stages: stopped
      ? [
          { stage: 'analytic', ...all, seconds: 0.4, ended: 'done' },
          { stage: 'two-pass', measured: 0, of: n, seconds: 119.2, ended: 'stopped' },
          { stage: 'exact', measured: 0, of: n, seconds: 0, ended: 'not-begun' },
        ]
      : [
          { stage: 'analytic', ...all, seconds: 0.4, ended: 'done' },
          { stage: 'two-pass', ...all, seconds: 6.2, ended: 'done' },
          { stage: 'exact', ...all, seconds: 38, ended: 'done' },
          { stage: 'all-but-this', measured: 6, of: 6, seconds: 11, ended: 'done' },
          { stage: 'metric', measured: 11, of: 11, seconds: 31, ended: 'done' },
        ],
    measuredOn: { samples: 64, source: 'labelled/', heldBack: false, random: false },
    ...{ runtime: '1.30.0', seconds: 87, stopped },
  };
}

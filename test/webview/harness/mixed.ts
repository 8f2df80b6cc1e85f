import type { MixedPlan, MixedPrecision, PlannedLayer } from '../../../src/protocol';

const float = (...layers: string[]): PlannedLayer[] =>
  layers.map((layer) => ({ layer, precision: 'float32' }));

function plan(
  choices: PlannedLayer[],
  predictedDb: number | null,
  sqnrDb: number,
  bytes: number,
  more: Partial<MixedPlan> = {},
): MixedPlan {
  return {
    choices,
    predictedDb,
    measured: { sqnrDb, cosine: 0.97, klNats: 0.21, sameLabel: 0.74 + (sqnrDb - 10.9) / 50 },
    bytes,
    latency: null,
    pareto: true,
    best: true,
    limits: [],
    accuracy: null,
    ...more,
  };
}

/** What trying plans on mobilenet may find; with `met` a limit of 14 dB is met, without it one of 20 dB is missed. */
export function mixed(met: boolean): MixedPrecision {
  const latency = (int8P50: number) => ({
    fp32Ms: 1.43,
    int8Ms: int8P50,
    speedup: 1.43 / int8P50,
    low: 1.4 / int8P50,
    high: 1.46 / int8P50,
    fp32P50: 1.43,
    fp32P99: 1.71,
    int8P50,
    int8P99: int8P50 * 1.2,
    threads: 1,
    pairs: 120,
    verdict: 'faster' as const,
    profile: null,
  });
  const limit = { limit: 'sqnr_db', wanted: met ? 14 : 20, got: met ? 14.3 : 17.4, met };
  const wide: PlannedLayer = { layer: 'conv_pw_4', precision: 'int16' };
  const four = float('conv_dw_3', 'conv_pw_11', 'conv_pw_4', 'conv_pw_10');
  return {
    model: 'mobilenet_v1_0.25.onnx',
    recipe: 'mobilenet.quant.yaml',
    target: 'x86-vnni',
    mode: 'static',
    layers: [],
    plans: [
      plan([], null, 10.9, 576_059, { latency: latency(1.24) }),
      plan(float('conv_dw_3'), 12.9, 13.2, 576_376, { latency: latency(1.26) }),
      plan([...float('conv_dw_3'), wide], 13.4, 13.7, 581_100, {
        latency: latency(1.31),
        executed: { conv_dw_3: 'float32', conv_pw_4: 'float32' },
      }),
      plan(four.slice(0, 3), 13.9, 14.3, 629_179, {
        latency: latency(1.33),
        limits: met ? [limit] : [],
      }),
      plan(four, 14.5, 14.7, 676_903),
      plan(
        [...four, ...float('conv_dw_9', 'conv_pw_2', 'conv_dw_5', 'conv_pw_12')],
        17,
        17.4,
        773_991,
        {
          limits: met ? [] : [limit],
        },
      ),
    ],
    recommended: met ? 3 : 5,
    reason: met
      ? 'it meets the limits with 3 layers out of INT8'
      : 'no plan that was tried meets the limits; closest, with 8 layers out of INT8: sqnr_db is 17.4, wanted 20',
    missed: met ? [] : [limit],
    measuredOn: { samples: 128, source: 'labelled/', heldBack: true, random: false },
    machine: 'a processor',
    runtime: '1.30.0',
    fp32Bytes: 1_917_000,
    seconds: 61,
    stopped: !met,
  };
}

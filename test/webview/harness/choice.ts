import type { LatencyResult, ModeChoice, RunResult } from '../../../src/protocol';

/** What measuring found where `mode: auto` took static INT8. */
export function choice(result: RunResult, latency: LatencyResult): ModeChoice {
  return {
    model: result.model,
    recipe: result.recipe,
    target: result.target,
    trials: [
      {
        mode: 'dynamic',
        failure: null,
        bytes: 570_000,
        int8MacShare: 0.98,
        worstDb: 8.3,
        accuracy: result.accuracy,
        agreement: result.agreement,
        latency: { ...latency, speedup: 0.62, low: 0.6, high: 0.64, int8P50: 2.3, int8P99: 2.9 },
        misses: 'it loses 6.5 points of top-1',
      },
      {
        mode: 'static',
        failure: null,
        bytes: 560_300,
        int8MacShare: 1,
        worstDb: 10.9,
        accuracy: result.accuracy,
        agreement: result.agreement,
        latency,
        misses: null,
      },
    ],
    winner: 'static',
    reason: 'it is the fastest of those that keep what was asked',
    rule: 'a mode had to keep top1_drop',
    measuredOn: { samples: 200, source: 'labelled/', random: false },
    machine: 'a processor with VNNI',
    threads: 1,
    runtime: '1.30.0',
    fp32Bytes: 1_917_000,
  };
}

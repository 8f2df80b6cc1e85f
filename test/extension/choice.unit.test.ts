import { describe, expect, it } from 'vitest';
import { choiceRows } from '../../src/extension/commands/choiceRows';
import { describeRecipe } from '../../src/extension/language/describe';
import type { ModeChoice, ModeTrial, RunResult } from '../../src/results';

const trial = (mode: ModeTrial['mode'], speedup: number): ModeTrial => ({
  mode,
  failure: null,
  bytes: 400_000,
  int8MacShare: 1,
  worstDb: 31.24,
  accuracy: null,
  agreement: { value: 0.985, n: 200 },
  latency: {
    fp32Ms: 2,
    int8Ms: 2 / speedup,
    speedup,
    low: speedup - 0.05,
    high: speedup + 0.05,
    fp32P50: 2,
    fp32P99: 3,
    int8P50: 2 / speedup,
    int8P99: 3 / speedup,
    threads: 1,
    pairs: 100,
    verdict: 'faster',
    profile: null,
  },
  misses: null,
});
const choice = (winner: ModeChoice['winner'], trials: ModeTrial[]): ModeChoice => ({
  model: '/m/net.onnx',
  recipe: '/m/net.quant.yaml',
  target: 'x86-vnni',
  trials,
  winner,
  reason: 'it is the fastest',
  rule: 'nothing was asked',
  measuredOn: { samples: 200, source: 'digits.npz', random: false },
  machine: 'a processor',
  threads: 1,
  runtime: '1.30.0',
  fp32Bytes: 1_600_000,
});

describe('the modes that were measured', () => {
  const dynamic: ModeTrial = { ...trial('dynamic', 1.2), misses: 'it misses p99_ms' };
  const failed: ModeTrial = {
    ...trial('weight-only', 9),
    failure: { code: 'model.nothing-to-quantize', message: 'No MatMul.' },
    latency: null,
    bytes: null,
    worstDb: null,
    agreement: null,
  };

  it('stand winner first, then by speed, what failed last', () => {
    const rows = choiceRows(choice('static', [failed, dynamic, trial('static', 1.5)]));
    expect(rows.map(({ mode }) => mode)).toEqual(['static', 'dynamic', 'float32', 'weight-only']);
    expect(rows.map(({ wins }) => wins)).toEqual([true, false, false, false]);
    expect(rows.map(({ detail }) => detail)).toEqual([
      'it is the fastest',
      'it misses p99_ms',
      '',
      'No MatMul.',
    ]);
  });

  it('say what was measured and nothing else', () => {
    const [best, , floats, none] = choiceRows(
      choice('static', [failed, dynamic, trial('static', 1.5)]),
    );
    expect(best?.figures).toContain('1.50 × (1.45 … 1.55)');
    expect(best?.figures).toContain('31.2 dB');
    expect(best?.figures).toContain('n = 200');
    expect(floats?.figures).toContain('p50 2 ms');
    expect(none?.figures).toBe('');
  });

  it('FP32 can win', () => {
    const [first] = choiceRows(choice('float32', [trial('static', 0.8)]));
    expect(first).toMatchObject({ mode: 'float32', wins: true, detail: 'it is the fastest' });
  });
});

describe('a recipe that leaves the mode to the machine', () => {
  const text = 'model: net.onnx\nquantization: { mode: auto }\n';
  const describeWith = (recipe: string, chosen: ModeChoice | null) =>
    describeRecipe('net.quant.yaml', '/m/net.quant.yaml', recipe, {
      summary: null,
      ranText: null,
      result: {
        layers: [],
        mode: 'dynamic',
        target: 'x86-vnni',
        choice: chosen,
      } as unknown as RunResult,
    });

  it('says auto, and is no newer than the result that chose', () => {
    expect(describeWith(text, choice('dynamic', []))).toMatchObject({
      mode: 'auto',
      calibrates: true,
      dirtySinceResult: false,
    });
    expect(describeWith(text, null).dirtySinceResult).toBe(true);
    expect(describeWith(text.replace('auto', 'dynamic'), null).dirtySinceResult).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { decide, ruleOf, shortfallOf, shortfallText } from '../../src/analyze/choose';
import type {
  AccuracyResult,
  LatencyResult,
  LimitResult,
  Mode,
  ModeTrial,
} from '../../src/results';

const latency = (speedup: number): LatencyResult => ({
  fp32Ms: 1,
  int8Ms: 1 / speedup,
  speedup,
  low: speedup,
  high: speedup,
  fp32P50: 1,
  fp32P99: 1,
  int8P50: 1 / speedup,
  int8P99: 1 / speedup,
  threads: 1,
  pairs: 100,
  verdict: speedup >= 1.02 ? 'faster' : 'not faster here',
  profile: null,
});
const accuracy = (more: Partial<AccuracyResult>): AccuracyResult => ({
  metric: 'top1',
  own: null,
  fp32: 0.8,
  int8: 0.8,
  low: 0,
  high: 0,
  n: 100,
  higherIsBetter: true,
  unproven: true,
  labels: null,
  neededN: null,
  ...more,
});

function trial(mode: Mode, speedup: number | null, more: Partial<ModeTrial> = {}): ModeTrial {
  return {
    mode,
    failure: null,
    bytes: 100,
    int8MacShare: 1,
    worstDb: 30,
    accuracy: null,
    agreement: null,
    latency: speedup === null ? null : latency(speedup),
    misses: null,
    ...more,
  };
}
const failed = (mode: Mode) =>
  trial(mode, null, { failure: { code: 'model.nothing-to-quantize', message: 'no' } });

describe('decide', () => {
  it.each<[string, Mode, ModeTrial[]]>([
    ['the fastest', 'dynamic', [trial('dynamic', 2), trial('static', 1.5)]],
    [
      'the fastest that misses nothing',
      'static',
      [trial('dynamic', 2, { misses: 'too far off' }), trial('static', 1.5)],
    ],
    [
      'of two that are equally fast the closer one',
      'static',
      [trial('dynamic', 1.51, { worstDb: 25 }), trial('static', 1.5, { worstDb: 35 })],
    ],
    ['FP32 where none is faster', 'float32', [trial('dynamic', 0.57), trial('static', 1.01)]],
    [
      'FP32 where the faster one loses too much',
      'float32',
      [trial('dynamic', 0.6), trial('static', 3, { misses: 'too far off' })],
    ],
    ['what can be written', 'dynamic', [failed('static'), trial('dynamic', 1.2)]],
    ['FP32 where nothing can be written', 'float32', [failed('static'), failed('dynamic')]],
  ])('takes %s', (_, winner, trials) => {
    expect(decide(trials).winner).toBe(winner);
  });

  const size = (got: number): LimitResult => ({
    limit: 'size_ratio',
    wanted: 0.1,
    got,
    met: got <= 0.1,
  });
  const sqnr: LimitResult = { limit: 'sqnr_db', wanted: 40, got: 30, met: false };
  const missing = (mode: Mode, speedup: number, ...limits: LimitResult[]) => {
    const measured = trial(mode, speedup);
    return { ...measured, ...shortfallOf(measured, limits) };
  };

  it('says where the speed-up of what it takes is not proven', () => {
    const wide = { ...latency(1.1), low: 0.8, high: 1.4, verdict: 'not proven' as const };
    expect(decide([trial('static', 1.1, { latency: wide })])).toEqual({
      winner: 'static',
      reason: 'static is 1.10 × as fast as FP32, which is not proven',
    });
  });

  it('takes the least slow one where FP32 itself misses a limit', () => {
    const trials = [trial('dynamic', 0.9), trial('static', 0.5)];
    expect(decide(trials, [size(1)]).winner).toBe('dynamic');
    const lossy = trial('dynamic', 0.9, { misses: 'x' });
    expect(decide([lossy], [size(1)]).winner).toBe('float32');
  });

  it('takes the closest one where nothing meets the limits', () => {
    const trials = [missing('dynamic', 0.97, size(0.9375)), missing('static', 1.18, size(0.3687))];
    expect(decide(trials, [size(1)])).toEqual({
      winner: 'static',
      reason:
        'static comes closest to the limits: it misses size_ratio: 0.3687 (at most 0.1); ' +
        'FP32 misses size_ratio: 1 (at most 0.1); dynamic misses size_ratio: 0.9375 (at most 0.1)',
    });
    expect(decide([missing('dynamic', 0.97, size(1.04))], [size(1)]).winner).toBe('float32');
  });

  it('keeps FP32 where all else misses a limit that FP32 meets, and names all that are missed', () => {
    const small = missing('static', 1.18, size(0.3), sqnr);
    expect(decide([small], [size(1)])).toEqual({
      winner: 'float32',
      reason:
        'FP32 stays: none that is faster is good enough; FP32 misses size_ratio: 1 (at most 0.1), too; ' +
        'static misses size_ratio: 0.3 (at most 0.1), sqnr_db: 30 (at least 40)',
    });
  });
});

const F1 = { metric: './f1.mjs', own: { name: 'F1', unit: '' }, higherIsBetter: true } as const;

describe('ruleOf', () => {
  it.each<[string, Partial<AccuracyResult>]>([
    ['it may lose 1 point of top1', {}],
    ['mse may grow by 1 %', { metric: 'mse', higherIsBetter: false }],
    ['F1 may fall by 1 %', F1],
  ])('says that %s', (rule, more) => {
    expect(ruleOf([trial('static', 1, { accuracy: accuracy(more) })], [])).toBe(rule);
  });
});

describe('shortfallOf', () => {
  it.each<[string, Partial<ModeTrial>, boolean]>([
    ['a point of accuracy is allowed', { accuracy: accuracy({ int8: 0.7905 }) }, false],
    ['more is not', { accuracy: accuracy({ int8: 0.78 }) }, true],
    [
      'an error may grow by a hundredth',
      {
        accuracy: accuracy({ metric: 'mse', higherIsBetter: false, fp32: 2, int8: 2.019 }),
      },
      false,
    ],
    [
      'not by more',
      {
        accuracy: accuracy({ metric: 'mse', higherIsBetter: false, fp32: 2, int8: 2.03 }),
      },
      true,
    ],
    [
      'a metric of one’s own may fall by a hundredth',
      { accuracy: accuracy({ ...F1, fp32: 50, int8: 49.6 }) },
      false,
    ],
    ['not by more', { accuracy: accuracy({ ...F1, fp32: 50, int8: 49.4 }) }, true],
    [
      'where one compares with FP32 itself, other things decide',
      { accuracy: accuracy({ ...F1, fp32: null, int8: 3 }), worstDb: 25 },
      false,
    ],
    ['labels decide where there is no metric', { agreement: { value: 0.97, n: 100 } }, true],
    ['though the signal is poor', { agreement: { value: 0.99, n: 100 }, worstDb: 9 }, false],
    ['the signal decides where there is nothing else', { worstDb: 19 }, true],
    ['20 dB are enough', { worstDb: 20 }, false],
  ])('%s', (_, more, missed) => {
    expect(shortfallOf(trial('static', 1, more), []).misses !== null).toBe(missed);
  });

  it('limits of the recipe take the place of all of these', () => {
    const bad = trial('static', 1, { worstDb: 3 });
    const met = { limit: 'sqnr_db', wanted: 2, got: 3, met: true };
    expect(shortfallOf(bad, [met])).toEqual({ misses: null, missed: [], loses: null });
    const speedup = { limit: 'speedup', wanted: 2, got: 1.5, met: false };
    expect(shortfallOf(bad, [met, speedup]).missed).toEqual([speedup]);
    expect(shortfallText(shortfallOf(bad, [met, speedup]))).toBe(
      'misses speedup: 1.5 (at least 2)',
    );
    expect(shortfallText(shortfallOf(bad, [speedup], true))).toBe(
      'misses speedup: 1.5 (at least 2) and loses too much: its output keeps only 3 dB of signal over noise',
    );
  });
});

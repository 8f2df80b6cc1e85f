import { describe, expect, test } from 'vitest';
import type { InspectorState } from '../../src/protocol';
import {
  accuracyGap,
  isRandom,
  metricName,
  metricValue,
  worstOutput,
} from '../../webview/logic/measures';
import { gainOf, proposals } from '../../webview/logic/proposals';
import { remedyButton } from '../../webview/logic/remedy';
import { joinRows } from '../../webview/logic/rows';
import { verdict } from '../../webview/logic/verdict';
import { en } from '../../webview/l10n/en';
import { write } from '../../webview/l10n/phrase';
import { states } from './harness/states';

const state = (name: string): InspectorState => {
  const make = states[name];
  if (!make) throw new Error(name);
  return make();
};
const result = (name: string) => {
  const { result: found } = state(name);
  if (!found) throw new Error(name);
  return found;
};
const ask = (s: InspectorState) => proposals(s, joinRows(s.summary, s.result, s.recipe.kept));

describe('the verdict', () => {
  test('says what was measured, with intervals and n', () => {
    const text = verdict(result('done'))
      .sentences.map((phrase) => write(en, phrase))
      .join(' ');
    expect(text).toBe(
      'It runs 1.15 × as fast as FP32 (1.12 … 1.17, 1 thread). ' +
        'The file takes 29.2 % of the bytes (560 kB of 1.92 MB). ' +
        'Top-1 goes from 52.0 % to 48.0 %: −4.0 pt (−8.5 … +0.5), not proven at n = 200. ' +
        '76.5 % of 200 samples get the same label as in FP32. ' +
        'The output logits is 10.9 dB from FP32’s.',
    );
  });

  test('leaves out what was not', () => {
    const bare = {
      ...result('done'),
      latency: null,
      size: null,
      accuracy: null,
      agreement: null,
      sqnrDb: {},
    };
    expect(verdict(bare).sentences).toEqual([]);
  });

  test.each([
    ['done', 'bad', 'verdict.limitsMissed'],
    ['random', 'bad', 'verdict.random'],
    ['slower', 'warn', 'verdict.headNotFaster'],
  ])('%s is %s: %s', (name, tone, key) => {
    const { tone: found, headline } = verdict(result(name));
    expect([found, headline[0]]).toEqual([tone, key]);
  });

  test('a speed-up whose interval has 1 in it is not proven', () => {
    const done = result('done');
    const spread = { speedup: 1.1, low: 0.78, high: 1.4, verdict: 'not proven' as const };
    const [first] = verdict({ ...done, latency: { ...done.latency!, ...spread } }).sentences;
    expect(first![0]).toBe('verdict.fasterUnproven');
    expect(write(en, first!)).toMatch(
      /1\.10 × as fast as FP32 \(0\.78 … 1\.40, .+\), which is not proven/,
    );
  });

  test('limits that are met make it good, open ones do not', () => {
    const limits = (met: boolean | null) => [{ limit: 'p99_ms', wanted: 5, got: 1, met }];
    expect(verdict({ ...result('done'), limits: limits(true) }).tone).toBe('good');
    expect(verdict({ ...result('done'), limits: limits(null) }).headline[0]).toBe(
      'verdict.limitsOpen',
    );
    expect(verdict({ ...result('done'), limits: [] }).headline[0]).toBe('verdict.hurting');
  });
});

describe('proposals', () => {
  const ids = (name: string) => ask(state(name)).map((proposal) => proposal.id);

  test.each([
    ['done', ['keep-worst', 'keep-three']],
    ['empty', ['calibrate', 'quantize']],
    ['random', ['real-data', 'compare']],
    ['failed', ['again', 'keep-worst']],
    ['slower', ['not-faster', 'keep-worst']],
  ])('%s: %j', (name, wanted) => expect(ids(name)).toEqual(wanted));

  test('are at most three, and one when all is well', () => {
    for (const name of Object.keys(states)) expect(ids(name).length).toBeLessThanOrEqual(3);
    const well = state('done');
    if (well.result)
      for (const layer of well.result.layers) [layer.hurts, layer.costsDb] = [false, null];
    expect(ask(well).map((proposal) => proposal.id)).toEqual(['report']);
  });

  test('a measured gain counts more than a small share of the noise', () => {
    const island = state('kept');
    const before = island.result?.layers.find((layer) => layer.name === 'conv_dw_4');
    if (before) before.costsDb = 10.4;
    expect(ask(island)[0]?.does).toEqual({ kind: 'keep', layers: ['conv_dw_4'], keep: true });
  });

  test('what is 40 dB away needs no repair', () => {
    const fine = state('done');
    if (fine.result) fine.result = { ...fine.result, sqnrDb: { logits: 40.1 }, limits: [] };
    expect(ask(fine).map((proposal) => proposal.id)).toEqual(['report']);
    expect(fine.result && verdict(fine.result).headline[0]).toBe('verdict.noLimits');
  });

  test('the worst layer is named with its measured gain', () => {
    const [first] = ask(state('done'));
    expect(first?.does).toEqual({ kind: 'keep', layers: ['conv_dw_3'], keep: true });
    expect(first && write(en, first.why)).toBe('10.9 → 13.5 dB at the output (+2.6), measured.');
  });

  test('half of the noise is three decibels', () => {
    expect(gainOf(0.5)).toBeCloseTo(3.01, 2);
    expect(gainOf(1)).toBeCloseTo(30, 9);
    expect(gainOf(0)).toBeCloseTo(0, 12);
  });
});

describe('measures', () => {
  const accuracy = result('done').accuracy;
  if (!accuracy) throw new Error('no accuracy');

  test('a share is given in points, an error in its own unit', () => {
    expect(accuracyGap(accuracy)).toMatchObject({ text: '−4.0', unit: 'pt', tone: 'worse' });
    expect(
      accuracyGap({
        ...accuracy,
        metric: 'mse',
        fp32: 0.2,
        int8: 0.25,
        low: 0.01,
        high: 0.09,
        higherIsBetter: false,
      }),
    ).toMatchObject({ text: '+0.0500', unit: '', low: '+0.0100', tone: 'worse' });
    expect(accuracyGap({ ...accuracy, int8: 0.53 })?.tone).toBe('same');
    expect(accuracyGap({ ...accuracy, int8: 0.53, unproven: false })?.tone).toBe('better');
    expect(accuracyGap({ ...accuracy, fp32: null })).toBeNull();
  });

  test('a metric of one’s own has its name and unit', () => {
    const own = {
      ...accuracy,
      ...({ metric: './f1.mjs', own: { name: 'F1', unit: '%' } } as const),
      ...{ fp32: 81.5, int8: 80.25, low: -2, high: -0.5 },
    };
    expect(accuracyGap(own)).toMatchObject({ text: '−1.25', unit: '%', high: '−0.500' });
    expect([metricName(own), metricValue(own, own.int8)]).toEqual(['F1', '80.3 %']);
    expect(metricName(accuracy)).toEqual({ text: 'metric.top1' });
    const said = verdict({ ...result('done'), accuracy: own }).sentences;
    expect(said.map((sentence) => write(en, sentence)).join(' ')).toContain('F1 goes from 81.5 %');
  });

  test('the worst output stands for all', () => {
    const several = { ...result('done'), sqnrDb: { scores: 41.2, boxes: 16.6 } };
    expect(worstOutput(several)).toEqual({ name: 'boxes', db: 16.6, of: 2 });
    expect(worstOutput(null)).toBeNull();
  });

  test('random is what the result was made with, else what the recipe says', () => {
    expect(isRandom(result('done'), { random: true })).toBe(false);
    expect(isRandom(result('random'), { random: false })).toBe(true);
    expect(isRandom(null, { random: true })).toBe(true);
  });
});

test.each([
  ['data.empty', 'calibrate'],
  ['data.wrong-shape', 'openRecipe'],
  ['recipe.syntax', 'openRecipe'],
  ['job.worker-died', 'quantize'],
  ['internal', 'quantize'],
  ['job.breaks-target-rules', 'openRecipe'],
  ['job.untrusted', undefined],
  ['model.truncated', undefined],
] as const)('%s offers %s', (code, action) => {
  expect(remedyButton({ code, message: '' })?.action).toBe(action);
});

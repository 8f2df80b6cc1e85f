/** What is slower in INT8 here: which of it a plan begins with. */
import { describe, expect, it } from 'vitest';
import { slowLayers } from '../../src/jobs/mixed';
import { worthOf } from '../../src/jobs/mixed/choose';
import type { MixedPlan } from '../../src/results-mixed';

describe('layers that are faster in FP32', () => {
  const possible = new Set(['a', 'b', 'c', 'd']);

  it.each([
    ['all, the most to save first', [['b'], ['a']], 8, ['b', 'a']],
    [
      'whole groups only, as many as a plan may have',
      [['a', 'b'], ['c', 'd'], ['d']],
      3,
      ['a', 'b', 'd'],
    ],
    [
      'none that cannot be planned, and each once',
      [
        ['x', 'a'],
        ['a', 'b'],
      ],
      8,
      ['a', 'b'],
    ],
    ['none where nothing is slower', [], 8, []],
  ])('%s', (_, groups, most, slow) => {
    expect(slowLayers(groups, possible, most)).toEqual(slow);
  });
});

describe('what is said of a plan without limits', () => {
  const plan = (layers: string, sqnrDb: number): MixedPlan => ({
    choices: [...layers].map((layer) => ({ layer, precision: 'float32' as const })),
    predictedDb: null,
    measured: { sqnrDb, cosine: 1, klNats: null, sameLabel: null },
    bytes: 1,
    latency: null,
    pareto: false,
    best: true,
    limits: [],
    accuracy: null,
  });
  const none = plan('', 10);
  const one = plan('a', 20);
  const two = plan('ab', 20.1);
  const told = { plans: [none], most: 8, faster: null };

  it.each<[string, MixedPlan, MixedPlan[], Partial<{ most: number; faster: MixedPlan }>]>([
    ['no layer was tried out of INT8', none, [none], {}],
    ['no layer out of INT8 that was tried brings 0.5 dB', none, [none, plan('a', 10.1)], {}],
    [
      '1 layer out of INT8 brings 10.0 dB; no further one that was tried brings 0.5 dB',
      one,
      [none, one, two],
      {},
    ],
    [
      '1 layer out of INT8 brings 10.0 dB; a further one was not tried',
      one,
      [none, one, plan('bc', 15)],
      {},
    ],
    [
      '2 layers out of INT8 bring 10.1 dB; a further one was not tried: a plan may have no more than 2 here',
      two,
      [none, two],
      { most: 2 },
    ],
    ['1 layer is faster in FP32 here; a further one was not tried', one, [one], { faster: one }],
  ])('%s', (words, taken, searched, more) => {
    expect(worthOf(taken, { ...told, searched, chain: searched, ...more })).toBe(words);
  });
});

import { describe, expect, it } from 'vitest';
import {
  combined,
  firstCandidates,
  notTried,
  varied,
  variationsOf,
  type SearchFacts,
} from '../../../src/jobs/search/candidates';
import { candidateText } from '../../../src/jobs/search/recipe-text';
import { parseRecipe } from '../../../src/recipe/parse';

const facts: SearchFacts = {
  modes: null,
  calibrated: true,
  opsWithoutWeights: ['Add', 'GlobalAveragePool'],
  activations: ['uint8', 'int8'],
  takesWide: true,
  wantsHalf: true,
  own: { mode: 'static', activations: { observer: 'mse' } },
};
const names = (of: Partial<SearchFacts>) =>
  firstCandidates({ ...facts, ...of }).map(({ name }) => name);

describe('candidates', () => {
  it('are what the recipe says and one for each way to quantize', () => {
    expect(names({})).toEqual([
      'as the recipe says',
      'dynamic',
      'static',
      'static, layers with weights only',
      'weight-only uint4',
      'weight-only int8',
      'float16',
    ]);
    expect(names({ own: null, opsWithoutWeights: [], wantsHalf: false })).not.toContain('float16');
  });

  it('are those of the target, and the same thing once', () => {
    expect(names({ modes: ['static'], own: { mode: 'static' } })).toEqual([
      'as the recipe says',
      'static, layers with weights only',
    ]);
    const without = { ...facts, calibrated: false, wantsHalf: false };
    expect(names({ calibrated: false })).not.toContain('static');
    expect(notTried(without).map(({ name }) => name)).toEqual(['static', 'float16']);
  });

  it('are recipes, whatever is varied', () => {
    const text =
      '# mine\nmodel: m.onnx\nquantization: auto # found\ncalibration: { data: random }\n';
    for (const first of firstCandidates(facts)) {
      const all = [first, ...variationsOf(first, facts).map((v) => varied(first, [v]))];
      for (const candidate of all) {
        const written = candidateText(text, { ...candidate, wide: ['fc'] });
        const { recipe, problems } = parseRecipe(written, 'r.quant.yaml');
        expect([written, problems]).toEqual([written, []]);
        expect(recipe!.quantization).toEqual(candidate.quantization);
        expect(recipe!.keep_fp32 ?? []).toEqual(candidate.keep);
        expect(recipe!.layers).toEqual([{ match: 'fc', precision: 'int16' }]);
        expect(written).toContain('# mine');
      }
    }
  });

  it('that vary have names of their own', () => {
    const all = firstCandidates(facts).flatMap((c) => [
      c.name,
      ...variationsOf(c, facts).map((v) => varied(c, [v]).name),
    ]);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('combining', () => {
  it('takes the best of each axis that gained enough', () => {
    const [mse, minmax] = variationsOf(firstCandidates(facts)[2]!, facts);
    const granularity = variationsOf(firstCandidates(facts)[2]!, facts).find(
      ({ axis }) => axis === 'granularity',
    )!;
    const gains = [
      { variation: mse!, gain: 0.5 },
      { variation: minmax!, gain: 0.8 },
      { variation: granularity, gain: 0.05 },
    ];
    expect(combined(gains, 0.1)).toEqual([minmax]);
    expect(combined(gains, 0.01)).toEqual([minmax, granularity]);
  });
});

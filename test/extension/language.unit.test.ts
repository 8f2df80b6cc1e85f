import { describe, expect, it } from 'vitest';
import { withPlan } from '../../src/recipe/plan-edit';
import { describeRecipe } from '../../src/extension/language/describe';
import { fixesFor, mostSensitive } from '../../src/extension/language/fixes';
import { withData } from '../../src/extension/language/recipeData';
import { switchLayers } from '../../src/extension/language/switchLayers';
import { applyEdits } from '../../src/recipe/text-edit';
import type { LayerResult, ModelSummary, RunResult } from '../../src/results';

const names = ['/conv1', '/conv2', '/conv3', '/conv4', '/fc'];
const summary = {
  layers: names.map((name) => ({ name, op: name === '/fc' ? 'Gemm' : 'Conv', absorbed: [] })),
} as unknown as ModelSummary;
const layer = (name: string, costsDb: number | null, noiseShare: number, hurts: boolean) =>
  ({ name, op: 'Conv', costsDb, noiseShare, hurts, wish: 'quantize' }) as LayerResult;
const result = {
  layers: [
    layer('/conv1', 3, 0.2, true),
    layer('/conv2', 11.2, 0.6, true),
    layer('/conv3', null, 0.01, false),
    layer('/conv4', null, 0.04, false),
    layer('/fc', null, 0, false),
  ],
  mode: 'static',
  target: 'x86-vnni',
} as unknown as RunResult;

const text = `# my recipe
model: net.onnx
calibration: { data: random }
quantization: { mode: static }
keep_fp32: # a comment
  - /conv3
  - /cnv4 # misspelt
`;

describe('describeRecipe', () => {
  const say = (recipe: string | null, ranText: string | null = null, ran = result) =>
    describeRecipe('dir/net.quant.yaml', '/dir/net.quant.yaml', recipe, {
      summary,
      result: ran,
      ranText,
    });

  it('says what the page shows', () => {
    expect(say(text)).toEqual({
      path: 'dir/net.quant.yaml',
      exists: true,
      kept: ['/conv3'],
      calibrationSource: 'random',
      random: true,
      target: 'auto',
      mode: 'static',
      calibrates: true,
      dirtySinceResult: true,
      dirtySincePlans: false,
      dirtySinceSensitivity: false,
      lines: { '/conv1': 5, '/conv2': 5, '/conv3': 6, '/conv4': 5, '/fc': 5 },
    });
  });

  it('says that there is none', () => {
    expect(say(null)).toMatchObject({ exists: false, kept: [], path: 'dir/net.quant.yaml' });
  });

  it('is not newer because of a comment', () => {
    expect(say(text, text.replace('# my', '# our')).dirtySinceResult).toBe(false);
    expect(say(text, text.replace('/conv3', '/conv1')).dirtySinceResult).toBe(true);
  });

  it('compares with the result where the text that ran is not known', () => {
    const kept = {
      ...result,
      layers: result.layers.map((one) => ({
        ...one,
        wish: one.name === '/conv3' ? 'keep' : 'quantize',
      })),
    } as RunResult;
    expect(say(text, null, kept).dirtySinceResult).toBe(false);
    expect(say(text.replace('static', 'dynamic'), null, kept).dirtySinceResult).toBe(true);
  });

  it('is another than the one behind plans in all but what a plan writes into it', () => {
    const choices = [
      { layer: '/conv2', precision: 'float32' as const },
      { layer: '/fc', precision: 'int16' as const },
    ];
    const since = (now: string, then: string) =>
      describeRecipe('net.quant.yaml', '/dir/net.quant.yaml', now, {
        ...{ summary, result, ranText: null },
        planned: { text: then, choices },
      }).dirtySincePlans;
    expect(since(text, text)).toBe(false);
    expect(since(withPlan(text, choices), text)).toBe(false);
    expect(since(withPlan(text, choices.slice(0, 1)), withPlan(text, choices))).toBe(false);
    expect(since(text.replace('# my', '# our'), text)).toBe(false);
    expect(since(text.replace('static', 'dynamic'), text)).toBe(true);
    expect(since(text.replace('  - /conv3\n', ''), text)).toBe(true);
    expect(since('model: [', text)).toBe(true);
    expect(say(text).dirtySincePlans).toBe(false);
  });

  it('is another than the one behind the sensitivity of layers in whatever it says', () => {
    const since = (now: string, measuredText: string | null) =>
      describeRecipe('net.quant.yaml', '/dir/net.quant.yaml', now, {
        ...{ summary, result, ranText: null, measuredText },
      }).dirtySinceSensitivity;
    expect(since(text, null)).toBe(false);
    expect(since(text, text)).toBe(false);
    expect(since(text.replace('# my', '# our'), text)).toBe(false);
    expect(since(text.replace('  - /conv3\n', ''), text)).toBe(true);
  });

  it('does not fall over half a recipe', () => {
    expect(say('model: [').exists).toBe(true);
    expect(say('').kept).toEqual([]);
  });
});

describe('fixesFor', () => {
  const known = { summary, result, hurts: true };
  const at = async (piece: string, recipe = text) => {
    const start = recipe.indexOf(piece);
    const range = { start, end: start };
    return (await fixesFor('/dir/net.quant.yaml', recipe, range, known)).map((fix) => ({
      kind: fix.kind,
      names: fix.names,
      after: applyEdits(recipe, fix.changes),
      preferred: fix.preferred,
    }));
  };

  it('offers to keep what hurts, the dearest first, and three at once', async () => {
    const fixes = await at('keep_fp32');
    expect(fixes.map(({ kind, names: layers }) => [kind, ...layers])).toEqual([
      ['keep', '/conv2'],
      ['keep', '/conv1'],
      ['keep-several', '/conv2', '/conv1', '/conv4'],
    ]);
    expect(fixes[0]?.preferred).toBe(true);
    expect(fixes[0]?.after).toContain('# a comment');
    expect(fixes[0]?.after).toContain('- /conv2');
  });

  it('offers to keep layers that got slower, all that share kernels at once', async () => {
    const fixes = [{ layers: ['/conv1', '/conv4'], savesMs: 0.2 }];
    const latency = { profile: { fixes } } as RunResult['latency'];
    const start = text.indexOf('keep_fp32');
    const slower = (
      await fixesFor(
        '/dir/net.quant.yaml',
        text,
        { start, end: start },
        { ...known, result: { ...result, latency } },
      )
    ).filter(({ kind }) => kind === 'keep-slower');
    expect(slower).toMatchObject([
      { names: ['/conv1', '/conv4'], problem: { code: 'slower', severity: 'info' } },
    ]);
    const after = applyEdits(text, slower[0]!.changes);
    for (const line of ['- /conv1', '- /conv4', '# a comment']) expect(after).toContain(line);
  });

  it('offers to quantize what an entry keeps', async () => {
    const fixes = await at('/conv3');
    expect(fixes).toMatchObject([{ kind: 'quantize-again', names: ['/conv3'] }]);
    expect(fixes[0]?.after).not.toContain('/conv3');
    expect(fixes[0]?.after).toContain('/cnv4 # misspelt');
  });

  it('offers what a misspelt name may mean', async () => {
    const fixes = await at('cnv4');
    expect(fixes[0]).toMatchObject({ kind: 'replace', names: ['/conv4'], preferred: true });
    expect(fixes[0]?.after).toContain('- /conv4 # misspelt');
  });

  it('offers nothing on a text that is no YAML, and does not throw', async () => {
    expect(await at('keep', 'model: [\nkeep_fp32: []')).toEqual([]);
  });
});

it('mostSensitive leaves out what was not measured and what is kept', () => {
  const kept = { ...layer('/a', 20, 0.9, true), wish: 'keep' } as LayerResult;
  expect(mostSensitive({ ...result, layers: [kept, ...result.layers] })).toEqual([
    '/conv2',
    '/conv1',
    '/conv4',
    '/conv3',
  ]);
});

it('switchLayers keeps and releases in one go', () => {
  const after = switchLayers(text, { keep: ['/fc'], release: ['/conv3'] }, summary.layers);
  expect(after).toContain('/fc');
  expect(after).not.toContain('/conv3');
  expect(after).toContain('# my recipe');
});

it('withData writes the data where it belongs', () => {
  expect(withData(text, 'calib.npy')).toContain('calibration: { data: calib.npy }');
  expect(withData('model: net.onnx\n', 'images/')).toMatch(/calibration:\s+data: images\//);
});

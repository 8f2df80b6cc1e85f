/** Plans of mixed precision: what is tried, what is expected of it, what is recommended, and that it goes on. */
import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readKept } from '../../src/jobs/kept';
import { Memory } from '../../src/jobs/memory';
import { planRecipe } from '../../src/jobs/mixed';
import { parseRecipe } from '../../src/recipe/parse';
import { insteadOfPlan, withPlan } from '../../src/recipe/plan-edit';
import { mixedDocument, mixedHtml, mixedText } from '../../src/report/mixed';
import type { Progress } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run, WORKER } from '../lib/job';
import { project } from '../lib/project';
import { cifar, every, hasShared, imagenet, sharedFile } from '../lib/shared';

const folder = temporaryFolder();

async function plan(recipePath: string, more: object = {}) {
  const progress: Progress[] = [];
  const result = await planRecipe(
    { recipePath, ...more },
    new Memory(),
    { progress: (p) => progress.push(p) },
    WORKER,
  );
  return { result, progress };
}

describe('plans of mixed precision', () => {
  it('stop where nothing would be left in INT8', async () => {
    const { recipePath, write } = await project(folder, 'all');
    write({ quantization: { improve: [] } });
    const { result } = await plan(recipePath, { timed: false });
    expect(result.stopped).toBe(false);
    expect(result.plans.length).toBeGreaterThan(3);
  });

  it('are run, beside what was expected of them, and leave nothing behind', async () => {
    const { recipePath, write, at } = await project(folder, 'plans');
    write({ quantization: { improve: [] } });
    const { result } = await plan(recipePath, { layers: 2 });
    expect(result.stopped).toBe(false);
    const names = result.layers.map((l) => l.layer);
    expect(names).toEqual(expect.arrayContaining(['conv1', 'conv2', 'add', 'fc']));
    for (const { onlyThisDb, weightsDb, activationsDb, layer } of result.layers) {
      expect(onlyThisDb, layer).toBeGreaterThan(10);
      if (weightsDb !== null && activationsDb !== null)
        expect(Math.min(weightsDb, activationsDb)).toBeGreaterThan(onlyThisDb! - 3);
    }
    const [first, ...others] = result.plans;
    expect(first).toMatchObject({ choices: [], predictedDb: null, best: true });
    expect(first!.latency!.pairs).toBeGreaterThan(0);
    for (const p of others) {
      expect(p.choices.length).toBeGreaterThan(0);
      expect(p.predictedDb).toBeGreaterThan(10);
    }
    const chain = result.plans.filter((p) => p.best);
    chain.reduce((a, b) => {
      expect(b.measured.sqnrDb).toBeGreaterThan(a.measured.sqnrDb);
      // a group of layers is one step
      expect(b.choices.length).toBeGreaterThan(a.choices.length);
      return b;
    });
    expect(result.plans[result.recommended]!.accuracy).toMatchObject({ metric: 'top1', n: 24 });
    expect(existsSync(at('net.int8.onnx'))).toBe(false);
    expect(readdirSync(at('.vernier')).filter((f) => f.includes('tmp'))).toEqual([]);

    // the same as a run of the recipe with that layer kept
    const best = chain.find((p) => p.choices.length === 1 && p.choices[0]!.precision === 'float32');
    if (best) {
      write({
        quantization: { improve: [] },
        keep_fp32: best.choices.map((c) => c.layer),
        evaluate: { data: 'evaluation.npy', labels: 'labels.npy', samples: 24 },
        sensitivity: { samples: 24, budget_s: 60 },
      });
      const { result: ran } = await run(recipePath, { until: 'evaluate' });
      expect(Object.values(ran.sqnrDb)[0]).toBeGreaterThan(first!.measured.sqnrDb - 3);
    }
  });

  it('find the same layers whether or not the recipe was run before', async () => {
    const layersOf = async (name: string, before: boolean) => {
      const { recipePath, write } = await project(folder, name);
      write({});
      if (before) await run(recipePath);
      const { result } = await plan(recipePath, { layers: 1, timed: false });
      return result.layers.map(({ layer, onlyThisDb }) => [layer, onlyThisDb]);
    };
    expect(await layersOf('plans-after-run', true)).toEqual(await layersOf('plans-alone', false));
  });

  it('go on where they were, and say when the time was over', async () => {
    const { recipePath, write } = await project(folder, 'again');
    write();
    const { result } = await plan(recipePath, { layers: 2, timed: false });
    const { result: again } = await plan(recipePath, { layers: 2, timed: false });
    const numbers = (r: typeof result) => r.plans.map((p) => [p.choices, p.measured.sqnrDb]);
    expect(numbers(again)).toEqual(numbers(result));
    expect(again.plans.every((p) => p.latency === null)).toBe(true);
    const { result: short } = await plan(recipePath, {
      layers: 4,
      timed: false,
      budgetSeconds: 1e-9,
    });
    expect(short).toMatchObject({ stopped: true, recommended: 0 });
  });

  it('are kept beside the recipe, with what tells whether they still hold', async () => {
    const { recipePath, write, at } = await project(folder, 'kept');
    write();
    expect(await readKept(recipePath, 'plans')).toBeNull();
    const { result } = await plan(recipePath, { layers: 1, timed: false });
    const kept = (await readKept(recipePath, 'plans'))!;
    expect(kept.value).toEqual(JSON.parse(JSON.stringify(result)));
    expect(kept).toMatchObject({ modelChanged: false, recipe: readFileSync(recipePath, 'utf8') });
    expect(Date.now() - Date.parse(kept.finishedAt)).toBeLessThan(60_000);
    const later = new Date(Date.now() + 5000);
    utimesSync(at('net.onnx'), later, later);
    expect((await readKept(recipePath, 'plans'))!.modelChanged).toBe(true);
  });

  it('meet the limits with the fewest layers, or say what is missing', async () => {
    const { recipePath, write } = await project(folder, 'limits');
    write({ limits: { sqnr_db: -50 } });
    const { result: easy } = await plan(recipePath, { layers: 2 });
    expect(easy).toMatchObject({ recommended: 0, missed: [] });
    write({ limits: { sqnr_db: 149 } });
    const { result: hard } = await plan(recipePath, { layers: 1 });
    expect(hard.missed).toMatchObject([{ limit: 'sqnr_db', wanted: 149, met: false }]);
    expect(hard.reason).toMatch(/closest/);
    expect(hard.plans[hard.recommended]!.limits).toHaveLength(1);
  });

  it('are written as tables, JSON and HTML', async () => {
    const { recipePath, write } = await project(folder, 'written');
    write();
    const { result } = await plan(recipePath, { layers: 1, timed: false });
    const text = mixedText(result);
    expect(text).toContain('Layer alone in INT8');
    expect(text).toContain('conv2');
    const document = mixedDocument(result) as { plans: { measured: { sqnr_db: number } }[] };
    expect(document.plans[0]!.measured.sqnr_db).toBe(result.plans[0]!.measured.sqnrDb);
    expect(mixedHtml(result)).toContain('<h2>Plans</h2>');
  });

  it('go into a recipe whose comments stay', () => {
    const before =
      '# mine\nmodel: m.onnx # the model\ncalibration: { data: random }\nkeep_fp32:\n  - a # loud\n';
    const after = withPlan(before, [
      { layer: 'b', precision: 'float32' },
      { layer: 'a', precision: 'float32' },
      { layer: 'c', precision: 'int16' },
    ]);
    expect(after).toContain('# mine');
    expect(after).toContain('- a # loud');
    const { recipe, problems } = parseRecipe(after, 'r.quant.yaml');
    expect(problems.filter((p) => p.severity === 'error')).toEqual([]);
    expect(recipe!.keep_fp32).toEqual(['a', 'b']);
    expect(recipe!.layers).toEqual([{ match: 'c', precision: 'int16' }]);
    expect(withPlan(after, [{ layer: 'c', precision: 'int16' }])).toBe(after);
  });

  it('go into a recipe in place of one another, and leave what was kept before', () => {
    const before = 'model: m.onnx\ncalibration: { data: random }\nkeep_fp32: [mine]\n';
    const layers = ['mine', 'a', 'b', 'c'].map((name) => ({ name, op: 'Conv' }));
    const first = [
      { layer: 'a', precision: 'float32' as const },
      { layer: 'c', precision: 'int16' as const },
    ];
    const second = [{ layer: 'b', precision: 'float32' as const }];
    const all = [...first, ...second];
    const taken = insteadOfPlan(before, first, all, layers);
    expect(parseRecipe(taken, 'r').recipe).toMatchObject({
      keep_fp32: ['mine', 'a'],
      layers: [{ match: 'c', precision: 'int16' }],
    });
    const other = parseRecipe(insteadOfPlan(taken, second, all, layers), 'r').recipe!;
    expect(other.keep_fp32).toEqual(['mine', 'b']);
    expect(other.layers ?? []).toEqual([]);
    expect(insteadOfPlan(taken, first, all, layers)).toBe(taken);
    const none = parseRecipe(insteadOfPlan(taken, [], all, layers), 'r').recipe!;
    expect(none.keep_fp32).toEqual(['mine']);
  });
});

describe.skipIf(!hasShared)('mobilenet without correction', () => {
  it('finds conv_dw_3 first, and expects what it gets', { timeout: 600_000 }, async () => {
    const text = JSON.stringify({
      model: sharedFile('models/mobilenet_v1_0.25_224_imagenet.onnx'),
      output: 'mobilenet.int8.onnx',
      quantization: { improve: [] },
      calibration: {
        data: every(3, imagenet(), 64),
        image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
      },
      evaluate: { data: imagenet().filter((_, i) => i % 3 !== 0) },
    });
    const { result } = await plan(folder.at('mobilenet.quant.yaml'), {
      text,
      layers: 4,
      timed: false,
      budgetSeconds: 120,
    });
    const chain = result.plans.filter((p) => p.best);
    expect(chain[1]!.choices[0]!.layer).toMatch(/conv_dw_3/);
    expect(chain.at(-1)!.measured.sqnrDb - chain[0]!.measured.sqnrDb).toBeGreaterThanOrEqual(3);
    for (const p of result.plans.slice(1))
      expect(Math.abs(p.predictedDb! - p.measured.sqnrDb)).toBeLessThanOrEqual(1.5);
  });
});

describe.skipIf(!hasShared)('resnet8', () => {
  const ways = [
    { way: 'with defaults', quantization: {} },
    { way: 'without correction', quantization: { improve: [] } },
  ];
  it.each(ways)('expects what it proposes, $way', { timeout: 600_000 }, async (as) => {
    const images = cifar();
    const text = JSON.stringify({
      model: sharedFile('models/resnet8_cifar10.onnx'),
      output: 'resnet8.int8.onnx',
      quantization: as.quantization,
      calibration: { data: every(8, images, 125), image: { scale: 1 } },
      evaluate: { data: images.filter((_, i) => i % 8 !== 0) },
    });
    const { result } = await plan(folder.at(`${as.way}.quant.yaml`), {
      ...{ text, layers: 6, timed: false, budgetSeconds: 180 },
    });
    const proposed = result.plans.filter((p) => p.best && p.choices.length > 0);
    expect(proposed.length).toBeGreaterThanOrEqual(4);
    for (const p of proposed)
      expect(Math.abs(p.predictedDb! - p.measured.sqnrDb)).toBeLessThanOrEqual(1.5);
  });
});

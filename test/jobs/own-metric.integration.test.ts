/** Metrics of the user's own in recipes: second opinions, keys, errors, workers that are killed, searches. */
import { readdirSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseRecipe } from '../../src/jobs/choose';
import { JobClient } from '../../src/jobs/client';
import { Memory } from '../../src/jobs/memory';
import { searchRecipe } from '../../src/jobs/search';
import { sensitivityOf } from '../../src/jobs/sensitivity';
import { sensitivityDocument, sensitivityText } from '../../src/report/sensitivity';
import { toJsonDocument } from '../../src/report/json';
import { npy, temporaryFolder } from '../lib/files';
import { randomValues } from '../lib/graph';
import { run, WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const client = new JobClient(WORKER);
afterAll(() => client.dispose());

const hooks = { progress: () => undefined };
const evaluate = { data: 'evaluation.npy', labels: 'labels.npy' };
const short = { until: 'evaluate' } as const;

const TOP1 = `export default ({ outputs: { scores: { data } }, label }) =>
  data.indexOf(Math.max(...data)) === label ? 1 : 0;
`;
const MSE = `export const higherIsBetter = false;
export default ({ outputs, labels }) => {
  const { data } = outputs.scores;
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    const difference = Math.abs(data[i] - labels[i]);
    sum += difference * difference;
  }
  return sum / data.length;
};
`;
/** Share of each class that is found, averaged over the classes: no mean over samples. */
const BALANCED = `export const name = 'balanced accuracy';
export default async ({ outputs, label }) => {
  await new Promise((resolve) => setTimeout(resolve, 15));
  const data = [...outputs.scores.data];
  return { label, right: data.indexOf(Math.max(...data)) === label };
};
export function summarize(scores) {
  const classes = Map.groupBy ? Map.groupBy(scores, (s) => s.label) : new Map();
  if (!Map.groupBy)
    for (const s of scores) classes.set(s.label, [...(classes.get(s.label) ?? []), s]);
  const shares = [...classes.values()].map((of) => of.filter((s) => s.right).length / of.length);
  return shares.reduce((sum, x) => sum + x, 0) / shares.length;
}
`;

describe('a recipe with a metric of one’s own', () => {
  it('finds what ours finds, where it computes the same', async () => {
    const { recipePath, write, put } = await project(folder, 'same');
    put('top1.mjs', TOP1);
    put('mse.mjs', MSE);
    put('targets.npy', npy([24, 5], randomValues(120, 'targets')));
    for (const [name, labels] of [
      ['top1', 'labels.npy'],
      ['mse', 'targets.npy'],
    ] as const) {
      write({ evaluate: { ...evaluate, labels, metric: name } });
      const ours = (await run(recipePath, short)).result;
      write({ evaluate: { ...evaluate, labels, metric: `./${name}.mjs` } });
      const own = (await run(recipePath, short)).result;
      expect(own.accuracy).toEqual({
        ...ours.accuracy,
        metric: `./${name}.mjs`,
        own: { name, unit: '' },
        // McNemar's test is of top-1
        labels: null,
      });
      expect(own.outputs).toEqual(ours.outputs);
      expect(toJsonDocument(own)).toMatchObject({ accuracy: { own: { name } } });
    }
  });

  it('decides limits, in its own direction', async () => {
    const { recipePath, write, put } = await project(folder, 'limits');
    put('m.mjs', 'let n = 0;\nexport default () => (n++ % 2 === 0 ? 5 : 3);');
    write({ evaluate: { ...evaluate, metric: './m.mjs' }, limits: { metric_drop: 1 } });
    const { result } = await run(recipePath, short);
    expect(result.limits).toEqual([{ limit: 'metric_drop', wanted: 1, got: 2, met: false }]);
  });

  it('is found anew when the module changes, and only then', async () => {
    const { recipePath, write, put } = await project(folder, 'changed');
    write({ evaluate: { data: 'evaluation.npy', metric: './m.mjs' } });
    const memory = new Memory();
    put('m.mjs', 'export default () => 1');
    const first = (await run(recipePath, short, memory)).result;
    const evaluations = () =>
      readdirSync(folder.at('changed/.vernier')).filter((name) => name.includes('.evaluation.'));
    expect(evaluations()).toHaveLength(1);
    expect((await run(recipePath, short, memory)).result.key).toBe(first.key);
    expect(evaluations()).toHaveLength(1);
    put('m.mjs', 'export default () => 2');
    const second = (await run(recipePath, short, memory)).result;
    expect([first.accuracy!.int8, second.accuracy!.int8]).toEqual([1, 2]);
    expect(second.key).not.toBe(first.key);
    expect(evaluations()).toHaveLength(2);
  });

  it('is told of before anything is calibrated', async () => {
    const { recipePath, write, put } = await project(folder, 'early');
    write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    const failing = async (text: string | null, code: string) => {
      if (text !== null) put('m.mjs', text);
      await expect(run(recipePath, short)).rejects.toMatchObject({
        code,
        place: { file: folder.at('early/m.mjs'), remedy: expect.any(String) },
      });
    };
    await failing(null, 'metric.not-found');
    await failing('export default () => {', 'metric.does-not-load');
    await failing('export const score = 1', 'metric.contract');
    expect(readdirSync(folder.at('early')).filter((name) => name.endsWith('.int8.onnx'))).toEqual(
      [],
    );
    // and calibrating alone has nothing to do with it
    rmSync(folder.at('early/m.mjs'));
    expect((await run(recipePath, { until: 'calibrate' })).result.accuracy).toBeNull();
  });

  it('that fails at a sample says at which, and the worker lives on', async () => {
    const { recipePath, write, put, at } = await project(folder, 'fails');
    write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    put(
      'm.mjs',
      "export default ({ index }) => { if (index > 2) throw new Error('no'); return 1 }",
    );
    const ask = () => client.request('run', { recipePath, ...short });
    await expect(ask()).rejects.toMatchObject({
      code: 'metric.throws',
      message: expect.stringContaining('sample 3 (evaluation.npy) of the FP32 model: no'),
      place: { file: at('m.mjs'), line: 1 },
    });
    put('m.mjs', 'export default ({ index }) => index > 2 ? NaN : 1');
    await expect(ask()).rejects.toMatchObject({ code: 'metric.bad-score' });
    put('m.mjs', 'export default ({ index }) => index');
    expect((await ask()).accuracy).toMatchObject({ int8: 11.5, fp32: 11.5, n: 24 });
  });

  it('goes on in a new worker where the last was killed, to the same', async () => {
    const { recipePath, write, put } = await project(folder, 'killed');
    write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    put('m.mjs', BALANCED);
    const ask = (killAt: number) => {
      const counts: number[] = [];
      const onProgress = ({ stage, done }: { stage: string; done: number }) => {
        if (stage !== 'evaluate') return;
        counts.push(done);
        if (done >= killAt && done < 24) client.kill();
      };
      const request = { recipePath, ...short, saveEveryMs: 0 };
      const asked = client.request('run', request, { onProgress });
      return { counts, asked };
    };
    await expect(ask(8).asked).rejects.toMatchObject({ code: 'job.cancelled' });
    const { counts, asked } = ask(Infinity);
    const result = await asked;
    expect(counts[0]).toBeGreaterThanOrEqual(8);
    const whole = await project(folder, 'whole');
    whole.write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    whole.put('m.mjs', BALANCED);
    const once = await run(whole.recipePath, short);
    expect(result.accuracy).toEqual(once.result.accuracy);
    expect(result.accuracy).toMatchObject({
      own: { name: 'balanced accuracy' },
      ...{ fp32: 1, n: 24, neededN: null },
    });
  });

  it('that loops for ever can be cancelled', async () => {
    const { recipePath, write, put } = await project(folder, 'loops');
    write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    put('m.mjs', 'export default () => { for (;;); }');
    const abort = new AbortController();
    const onProgress = ({ stage }: { stage: string }) => {
      if (stage === 'evaluate') setTimeout(() => abort.abort(), 100);
    };
    await expect(
      client.request('run', { recipePath, ...short }, { onProgress, signal: abort.signal }),
    ).rejects.toMatchObject({ code: 'job.cancelled' });
  });
});

describe('layers by a metric', () => {
  it('say what keeping each buys, against the whole quantized model', async () => {
    const { recipePath, write, put } = await project(folder, 'layers');
    put(
      'distance.mjs',
      `export const higherIsBetter = false, againstFp32 = true, unit = 'mV';
export default ({ outputs, expected }) => {
  const [a, b] = [outputs.scores.data, expected.scores.data];
  return 1000 * a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0);
};
`,
    );
    write({ evaluate: { ...evaluate, metric: './distance.mjs' } });
    const ask = () => sensitivityOf({ recipePath, measure: 'metric', top: 2 }, new Memory(), hooks);
    const report = await ask();
    const whole = report.wholeMetric!;
    expect(whole).toMatchObject({ fp32: null, own: { name: 'distance', unit: 'mV' } });
    const measured = report.layers.flatMap((l) => l.metric ?? []);
    expect(measured).toHaveLength(2);
    for (const { allButThis, buys } of measured) {
      expect(buys!.value).toBeCloseTo(whole.int8 - allButThis!.int8, 9);
      expect(buys!.low).toBeLessThan(buys!.value);
      expect(buys!.value).toBeLessThan(buys!.high);
      expect(buys).toMatchObject({ n: 24, unproven: buys!.low <= 0 && buys!.high >= 0 });
      // pairs of the same samples: far narrower than the interval to FP32
      expect(buys!.high - buys!.low).toBeLessThan(allButThis!.high - allButThis!.low + 1e-9);
    }
    const text = sensitivityText(report, { width: 240 });
    expect(text).toContain('buys, mV');
    expect(text).toMatch(/Its distance is [\d.]+ mV/);
    expect(sensitivityDocument(report)).toMatchObject({ metric: './distance.mjs' });
    expect((await ask()).layers).toEqual(report.layers);
    put('distance.mjs', 'export default () => 1');
    const again = await ask();
    expect(again.wholeMetric).toMatchObject({ int8: 1, own: { name: 'distance', unit: '' } });
    expect(again.layers.flatMap((l) => l.metric?.buys ?? [])).toMatchObject([
      ...[
        { value: 0, unproven: true },
        { value: 0, unproven: true },
      ],
    ]);
    expect(sensitivityText(again, { width: 240 })).toContain('n too small to tell');
  });
});

describe('choosing by a metric of one’s own', () => {
  it('holds modes to it, and ends where it fails', { timeout: 240_000 }, async () => {
    const { recipePath, write, put } = await project(folder, 'choose');
    write({ evaluate: { ...evaluate, metric: './m.mjs' } });
    put('m.mjs', 'let n = 0;\nexport default () => (n++ % 2 === 0 ? 100 : 98);');
    const choose = () => chooseRecipe({ recipePath }, new Memory(), hooks, WORKER);
    const { trials, rule } = await choose();
    expect(rule).toBe('m may fall by 1 %');
    expect(trials.map((t) => t.misses)).toEqual(trials.map(() => 'm goes from 100 to 98'));
    put('m.mjs', 'export default () => NaN');
    await expect(choose()).rejects.toMatchObject({ code: 'metric.bad-score' });
    const search = () =>
      searchRecipe({ recipePath, budgetSeconds: 1 }, new Memory(), hooks, WORKER);
    await expect(search()).rejects.toMatchObject({ code: 'metric.bad-score' });
    put('m.mjs', 'export default () => 100');
    const found = await search();
    expect(found.tries[0]!.accuracy).toMatchObject({ int8: 100, own: { name: 'm' } });
  });
});

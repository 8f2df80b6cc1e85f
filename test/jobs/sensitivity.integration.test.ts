/** How sensitive the outputs are to every layer: stages, stopping, going on, metrics. */
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readKept } from '../../src/jobs/kept';
import { Memory } from '../../src/jobs/memory';
import type { SensitivityRequest } from '../../src/jobs/protocol';
import { sensitivityOf } from '../../src/jobs/sensitivity';
import { renderHtml } from '../../src/report/html';
import {
  sensitivityDocument,
  sensitivityHtml,
  sensitivityText,
} from '../../src/report/sensitivity';
import { resultText } from '../../src/report/summary-text';
import type { LayerResult, Progress } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();

afterEach(() => vi.restoreAllMocks());

/** @param late the time is over from the first progress on of which this is true */
async function ask(
  recipePath: string,
  more: Omit<SensitivityRequest, 'recipePath'> = {},
  late: (p: Progress) => boolean = () => false,
) {
  const progress: Progress[] = [];
  const hooks = {
    progress: (p: Progress) => {
      progress.push(p);
      if (!late(p)) return;
      const now = Date.now();
      vi.spyOn(Date, 'now').mockImplementation(() => now + 1e7);
    },
  };
  const report = await sensitivityOf({ recipePath, ...more }, new Memory(), hooks);
  const of = (layer: string) => report.layers.find((l) => l.layer === layer)!;
  return { report, progress, of };
}

describe('the sensitivity of layers', () => {
  it('comes with what is doubtful about the recipe', async () => {
    const { recipePath, write } = await project(folder, 'doubtful');
    write({ keep_fp32: ['fcc'] });
    const { report } = await ask(recipePath, { stage: 'analytic' });
    expect(report.notes).toMatchObject([{ code: 'no-match', remedy: expect.any(String) }]);
    expect((await readKept(recipePath, 'sensitivity'))?.value.notes).toEqual(report.notes);
  });

  it('is found stage by stage, the worst layer first, and leaves no model', async () => {
    const { recipePath, write, at } = await project(folder, 'stages');
    write();
    const { report, progress, of } = await ask(recipePath);
    expect(report).toMatchObject({ stage: 'exact', measure: 'sqnr', shareBy: 'exact' });
    expect(report.stopped).toBe(false);
    expect(report.stages.map((s) => s.stage)).toEqual([
      'analytic',
      'two-pass',
      'exact',
      'all-but-this',
    ]);
    const details = progress.map((p) => p.detail).filter((d) => d !== undefined);
    expect(details).toEqual(expect.arrayContaining(['analytic', 'two-pass', 'exact']));
    const alone = report.layers.map((l) => l.onlyThis!.sqnrDb);
    expect(alone).toEqual([...alone].sort((a, b) => a - b));
    for (const l of report.layers) {
      expect(l.expectedDb, l.layer).toBeGreaterThan(10);
      expect(Math.abs(l.twoPassDb! - l.onlyThis!.sqnrDb), l.layer).toBeLessThan(12);
    }
    const { onlyThis, weights, activations, madeDb } = of('conv2');
    const power = (db: number) => 10 ** (-db / 10);
    const parts = power(weights!.sqnrDb) + power(activations!.sqnrDb);
    expect(-10 * Math.log10(parts)).toBeCloseTo(onlyThis!.sqnrDb, -1);
    expect(madeDb).toBeGreaterThan(20);
    expect(report.layers.reduce((sum, l) => sum + (l.share ?? 0), 0)).toBeCloseTo(1, 9);
    expect(of('fc').cameIn!.share).toBeGreaterThan(0.3);
    const loudest = report.layers[0]!;
    expect(loudest.allButThis!.sqnrDb - report.whole!.sqnrDb).toBeCloseTo(loudest.costsDb!, 9);
    expect(existsSync(at('net.int8.onnx'))).toBe(false);
  });

  it('is the same as a run finds, which goes on from what is stored', async () => {
    const { recipePath, write } = await project(folder, 'same');
    write();
    const { of } = await ask(recipePath);
    const { result } = await run(recipePath);
    for (const l of result.layers.filter((r) => r.onlyThisDb !== null)) {
      expect(of(l.name).onlyThis).toEqual(l.onlyThis);
      expect(of(l.name).expectedDb).toBe(l.expectedDb);
      expect(of(l.name).twoPassDb).toBeCloseTo(l.twoPassDb!, 6);
      expect(of(l.name).cameIn?.share).toBeCloseTo(l.cameIn!.share, 9);
    }
  });

  it('goes no further than it is asked', async () => {
    const { recipePath, write } = await project(folder, 'asked');
    write({ sensitivity: { stage: 'two-pass', samples: 8 } });
    const { report } = await ask(recipePath);
    expect(report).toMatchObject({ stage: 'two-pass', shareBy: 'two-pass', stopped: false });
    expect(report.layers.every((l) => l.twoPassDb !== null && l.onlyThis === null)).toBe(true);
    const { report: first } = await ask(recipePath, { stage: 'analytic' });
    expect(first).toMatchObject({ stage: 'analytic', shareBy: 'analytic', whole: null });
    expect(first.layers.every((l) => l.expectedDb !== null && l.twoPassDb === null)).toBe(true);
    await expect(ask(recipePath, { measure: 'kl' })).rejects.toMatchObject({
      code: 'recipe.schema',
    });
  });

  it('gives the best so far when the time is over, and goes on from there', async () => {
    const { recipePath, write } = await project(folder, 'stopped');
    write();
    const { report } = await ask(recipePath, { budgetSeconds: 1e-9 });
    expect(report).toMatchObject({ stopped: true, shareBy: 'analytic' });
    expect(sensitivityText(report)).toContain('stopped');
    expect(report.layers.every((l) => l.expectedDb !== null && l.onlyThis === null)).toBe(true);
    const { report: whole } = await ask(recipePath);
    const { report: again } = await ask(recipePath);
    expect(again.stopped).toBe(false);
    expect(again.layers).toEqual(whole.layers);
  });

  it('stops half-way through the two passes, says which stage its numbers are from, and goes on', async () => {
    const once = await project(folder, 'passes');
    once.write({ sensitivity: { stage: 'two-pass', samples: 8 } });
    const { report: whole, progress: all } = await ask(once.recipePath);
    const passes = (progress: Progress[]) =>
      progress.filter(({ detail, total }) => detail === 'two-pass' && total > 20);
    expect(passes(all)[0]!.done).toBe(0);
    expect(new Set(passes(all).map(({ total }) => total)).size).toBe(1);

    const { recipePath, write } = await project(folder, 'half-way');
    write({ sensitivity: { stage: 'two-pass', samples: 8 } });
    const left = ({ total, done }: Progress) => total - done;
    // 1. In the first pass: nothing of it is known.
    const inFirst = (p: Progress) => p.detail === 'two-pass' && left(p) === 24;
    const { report: first } = await ask(recipePath, {}, inFirst);
    expect(first).toMatchObject({ stage: 'two-pass', shareBy: 'analytic', stopped: true });
    expect(first.stages).toMatchObject([
      { stage: 'analytic', ended: 'done' },
      { stage: 'two-pass', measured: 0, ended: 'stopped' },
    ]);
    expect(first.layers.map((l) => [l.twoPassDb, l.madeDb])).toEqual(
      first.layers.map(() => [null, null]),
    );
    const text = sensitivityText(first);
    expect(text).toContain('The stage two-pass was stopped');
    expect(text).toContain('those of the stage analytic');
    vi.restoreAllMocks();

    // 2. In the second: the noise that layers make is known, what they cost is not.
    const inSecond = (p: Progress) => p.detail === 'two-pass' && left(p) === 16;
    const { report: second, progress: counts } = await ask(recipePath, {}, inSecond);
    expect(left(passes(counts)[0]!)).toBeLessThan(24);
    expect(second).toMatchObject({ shareBy: 'analytic', stopped: true, whole: null });
    expect(second.layers.every((l) => l.madeDb !== null && l.twoPassDb === null)).toBe(true);
    vi.restoreAllMocks();

    // 3. To the end: the same as in one go.
    const { report: third, progress: rest } = await ask(recipePath);
    expect(left(passes(rest)[0]!)).toBeLessThan(16);
    expect(third).toMatchObject({ shareBy: 'two-pass', stopped: false });
    expect(third.layers).toEqual(whole.layers);
    expect(sensitivityText(third)).not.toContain('was stopped');
  });

  it('keeps its report beside the recipe', async () => {
    const { recipePath, write } = await project(folder, 'kept');
    write();
    expect(await readKept(recipePath, 'sensitivity')).toBeNull();
    const { report } = await ask(recipePath, { stage: 'analytic' });
    expect(await readKept(recipePath, 'sensitivity')).toMatchObject({
      value: JSON.parse(JSON.stringify(report)),
      modelChanged: false,
    });
  });

  it('is compared by other measures, and by the metric of the recipe', async () => {
    const { recipePath, write } = await project(folder, 'metric');
    write();
    const { report: kl } = await ask(recipePath, { measure: 'kl' });
    const found = kl.layers.map((l) => l.onlyThis!.klNats!);
    expect(found).toEqual([...found].sort((a, b) => b - a));
    const { report } = await ask(recipePath, { measure: 'metric', top: 2 });
    expect(report.metric).toBe('top1');
    expect(report.wholeMetric).toMatchObject({ metric: 'top1', n: 24, fp32: 1 });
    const measured = report.layers.filter((l) => l.metric !== null);
    expect(measured).toHaveLength(2);
    for (const { metric } of measured) {
      expect(metric!.onlyThis).toMatchObject({ n: 24, fp32: 1 });
      expect(metric!.allButThis!.int8).toBeGreaterThanOrEqual(report.wholeMetric!.int8 - 0.1);
      const gained = metric!.allButThis!.int8 - report.wholeMetric!.int8;
      expect(metric!.buys!.value).toBeCloseTo(gained, 9);
      expect(metric!.buys!.unproven).toBe(metric!.buys!.low <= 0 && metric!.buys!.high >= 0);
    }
    const { report: again } = await ask(recipePath, { measure: 'metric', top: 2 });
    expect(again.layers).toEqual(report.layers);
    write({ evaluate: { data: 'evaluation.npy' } });
    await expect(ask(recipePath, { measure: 'metric' })).rejects.toMatchObject({
      code: 'recipe.schema',
    });
  });

  it('is measured by running where there are no ranges', async () => {
    const { recipePath, write } = await project(folder, 'dynamic');
    write({ quantization: { mode: 'dynamic' } });
    const { report, of } = await ask(recipePath);
    expect(report.layers.every((l) => l.expectedDb === null && l.twoPassDb === null)).toBe(true);
    expect(of('fc').onlyThis!.sqnrDb).toBeGreaterThan(20);
    expect(report.stopped).toBe(false);
  });

  it('is written as a table, JSON and HTML', async () => {
    const { recipePath, write } = await project(folder, 'written');
    write();
    const { report } = await ask(recipePath, { measure: 'same-label' });
    const text = sensitivityText(report, { width: 200 });
    expect(text).toContain('conv1');
    expect(text).not.toContain('−');
    expect(sensitivityDocument(report)).toMatchObject({
      share_by: 'exact',
      whole: { sqnr_db: report.whole!.sqnrDb },
    });
    expect(sensitivityHtml(report)).toContain('<section id="layers">');
  });
});

describe('a run', () => {
  it('with the stage analytic tries no layer', async () => {
    const { recipePath, write } = await project(folder, 'analytic');
    write({ sensitivity: { stage: 'analytic' } });
    const { result, stages } = await run(recipePath);
    expect(stages).not.toContain('sensitivity');
    for (const l of result.layers) {
      expect([l.onlyThisDb, l.twoPassDb, l.costsDb]).toEqual([null, null, null]);
      expect(l.noiseShareBy).toBe('analytic');
    }
    const shares = result.layers.map((l) => l.noiseShare!);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    const hurting = result.layers.filter((l) => l.hurts);
    expect(hurting.length).toBeGreaterThan(0);
    expect(hurting.every((l) => l.noiseShare! >= 0.05)).toBe(true);
    expect(resultText(result)).toContain('of the noise (estimate: analytic)');
    expect(renderHtml(result, null)).toContain(
      'Shares of the noise are estimates, of the stage analytic',
    );
    expect(result.layers.some((l) => l.expectedDb !== null)).toBe(true);
    expect(result.latency).not.toBeNull();
  });

  it('with the stage two-pass tells what hurts by what two passes estimate', async () => {
    const { recipePath, write } = await project(folder, 'estimated');
    write({ sensitivity: { stage: 'two-pass' } });
    const { result } = await run(recipePath);
    expect(result.layers.map((l) => l.noiseShareBy)).toEqual(result.layers.map(() => 'two-pass'));
    const loudest = (of: (l: LayerResult) => number) =>
      [...result.layers].sort((a, b) => of(b) - of(a))[0]!.name;
    expect(loudest((l) => l.noiseShare!)).toBe(loudest((l) => -l.twoPassDb!));
    expect(result.layers.some((l) => l.hurts)).toBe(true);
  });

  it('says where the stage can estimate nothing', async () => {
    const { recipePath, write } = await project(folder, 'no-ranges');
    write({ quantization: { mode: 'dynamic' }, sensitivity: { stage: 'two-pass' } });
    const { result } = await run(recipePath);
    expect(result.notes.map((n) => n.code)).toContain('no-estimates');
    await expect(ask(recipePath)).rejects.toMatchObject({ code: 'recipe.schema' });
  });
});
